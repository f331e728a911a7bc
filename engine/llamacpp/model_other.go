//go:build !linux

package llamacpp

func holdModel(model []byte, dir string) (*modelFile, error) { return tempModel(model, dir) }
