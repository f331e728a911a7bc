package builtin

// MaxBytes bounds the embedded file, which every binary with the engine carries.
const MaxBytes = 2 << 20
