package gguf

import (
	"fmt"
	"io"
	"math"
	"math/bits"
	"strings"
)

// Info is what a sound file says of itself.
type Info struct {
	Architecture string
	Name         string // empty if it has none
	Context      int    // trained context length, 0 if unknown
	Layers       int
	// CacheBytesPerToken is what a token takes in a key-value cache of 16-bit
	// numbers; 0 if it can't be told (layers differ, recurrent models).
	CacheBytesPerToken int64
}

// checker walks one header.
type checker struct {
	*reader
	size int64
	kv   map[string]value

	// byteless is the first byte without a token in a SentencePiece vocabulary;
	// -1 if every byte has one.
	byteless int
}

// Check reads the header of a file of the given size.
func Check(r io.ReaderAt, size int64) (Info, error) {
	c := &checker{reader: newReader(r, size), size: size, kv: make(map[string]value), byteless: -1}
	tensors := c.header()
	c.tokens(c.kv[keyTokens].count)
	c.vocabularyArrays()
	info := c.architecture()
	c.tensors(tensors)
	return info, c.err
}

// header reads the metadata and gives the number of tensors.
func (c *checker) header() (tensors uint64) {
	if string(c.take(4)) != "GGUF" {
		c.fail("it does not begin with GGUF")
	}
	switch v := c.u32(); {
	case c.err != nil:
	case bits.ReverseBytes32(v) <= 16:
		c.fail("it is big-endian; convert it to little-endian")
	case v < 2 || v > 3:
		c.fail("it is of GGUF version %d; 2 and 3 are known", v)
	}
	tensors = c.u64()
	keys := c.u64()
	switch {
	case c.err != nil:
		return 0
	case tensors == 0 || tensors > maxTensors:
		c.fail("it has %d tensors; 1 to %d are read", tensors, maxTensors)
	case keys > maxKeys:
		c.fail("it has %d metadata keys; at most %d are read", keys, maxKeys)
	}
	for range keys {
		if c.err != nil {
			return 0
		}
		key := c.str(maxKeyBytes, "a metadata key")
		if _, twice := c.kv[key]; twice {
			c.fail("metadata key %.60q occurs twice", key)
		}
		c.kv[key] = c.value(key, c.u32())
	}
	return tensors
}

const keyTokens = "tokenizer.ggml.tokens"

func (c *checker) value(key string, typ uint32) value {
	v := value{typ: typ}
	switch {
	case c.err != nil:
	case typ == typeString:
		v.str = c.str(maxStringBytes, "the text of "+key)
	case typ == typeArray:
		c.array(key, &v)
	case scalarBytes[typ] > 0:
		v.num = c.scalar(typ)
	default:
		c.fail("metadata key %.60q has unknown type %d", key, typ)
	}
	return v
}

func (c *checker) array(key string, v *value) {
	v.elem = c.u32()
	n := c.u64()
	width, isScalar := scalarBytes[v.elem]
	switch {
	case c.err != nil:
		return
	case !isScalar && v.elem != typeString:
		c.fail("metadata key %.60q is an array of unknown type %d", key, v.elem)
		return
	case n > maxArrayElements:
		c.fail("metadata key %.60q has %d elements; at most %d are read", key, n, maxArrayElements)
		return
	}
	v.count = int(n)
	switch {
	case isScalar:
		c.skip(int64(n) * width)
	case key == keyTokens:
		c.tokenTexts(int(n))
	default:
		for range n {
			if c.err != nil {
				return
			}
			size := c.u64()
			if size > maxStringBytes {
				c.fail("metadata key %.60q holds a text of %d bytes", key, size)
				return
			}
			c.skip(int64(size))
		}
	}
}

// tokenTexts reads the vocabulary. llama.cpp asserts that no text occurs twice.
func (c *checker) tokenTexts(n int) {
	if n > maxTokens {
		c.fail("its vocabulary has %d tokens; at most %d are read", n, maxTokens)
		return
	}
	seen := make(map[string]struct{}, min(n, 1<<18))
	for i := range n {
		text := c.str(maxTokenBytes, "a token")
		if c.err != nil {
			return
		}
		text, _, _ = strings.Cut(text, "\x00") // llama.cpp reads C strings
		if text == "" {
			continue // llama.cpp names these itself
		}
		if _, twice := seen[text]; twice {
			c.fail("token %d repeats the text of an earlier one", i)
			return
		}
		seen[text] = struct{}{}
	}
	for b := range 256 {
		_, spelled := seen[fmt.Sprintf("<0x%02X>", b)]
		_, plain := seen[string([]byte{byte(b)})]
		if !spelled && !plain {
			c.byteless = b
			return
		}
	}
}

// tokens checks that there is a vocabulary. A SentencePiece one spells with its
// tokens of single bytes what it has no other token for; where such a token is
// missing, llama.cpp throws.
func (c *checker) tokens(n int) {
	v, ok := c.kv[keyTokens]
	model := c.kv["tokenizer.ggml.model"]
	kind, _, _ := strings.Cut(model.str, "\x00") // as llama.cpp reads it
	switch {
	case c.err != nil:
	case !ok || v.typ != typeArray || v.elem != typeString || n == 0:
		c.fail("it has no vocabulary (%s)", keyTokens)
	case model.typ != typeString:
		c.fail("it does not say how to tokenise (tokenizer.ggml.model)")
	case kind == "llama" && c.byteless >= 0:
		c.fail("its vocabulary has no token for byte 0x%02X", c.byteless)
	}
}

// vocabularyArrays checks the arrays that llama.cpp indexes by token.
func (c *checker) vocabularyArrays() {
	n := c.kv[keyTokens].count
	for key, elems := range map[string][]uint32{
		"tokenizer.ggml.scores":     {typeFloat32},
		"tokenizer.ggml.token_type": {typeInt32, typeUint32},
	} {
		v, ok := c.kv[key]
		if !ok || c.err != nil {
			continue
		}
		known := false
		for _, e := range elems {
			known = known || v.typ == typeArray && v.elem == e
		}
		if !known || v.count < n {
			c.fail("%s has %d usable elements for %d tokens", key, v.count, n)
		}
	}
	if v, ok := c.kv["tokenizer.ggml.merges"]; ok && (v.typ != typeArray || v.elem != typeString) {
		c.fail("tokenizer.ggml.merges is not a list of texts")
	}
	if v, ok := c.kv["split.count"]; ok && v.num > 1 {
		c.fail("it is one of %d parts; merge them into one file first (llama-gguf-split --merge)", v.num)
	}
}

// isArchitectureName says whether s is made as these names are: at most 64 lower-case
// letters, digits and, behind the first, dots, hyphens and underscores.
func isArchitectureName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return 0 < len(s) && len(s) <= 64
}

// architecture checks the numbers that llama.cpp divides by or sizes arrays
// with.
func (c *checker) architecture() Info {
	info := Info{Architecture: c.kv["general.architecture"].str, Name: c.kv["general.name"].str}
	if c.err != nil {
		return info
	}
	if !isArchitectureName(info.Architecture) {
		c.fail("general.architecture is missing or not a name")
		return info
	}
	// Per-layer arrays are llama.cpp's own to check: it knows their lengths.
	number := func(name string, least, most int64, must bool) int64 {
		key := info.Architecture + "." + name
		v, ok := c.kv[key]
		switch {
		case !ok && !must, ok && v.typ == typeArray:
			return 0
		case !ok:
			c.fail("%s is missing", key)
		case !v.isInteger() || v.num < least || v.num > most:
			c.fail("%s is %d; %d to %d can be used", key, v.num, least, most)
		}
		return v.num
	}
	info.Context = int(number("context_length", 1, maxContext, true))
	info.Layers = int(number("block_count", 1, maxLayers, true))
	embedding := number("embedding_length", 1, maxEmbedding, true)
	number("feed_forward_length", 0, maxEmbedding*16, false)
	leastHeads := int64(1)
	if headless[info.Architecture] {
		leastHeads = 0
	}
	heads := number("attention.head_count", leastHeads, maxHeads, false)
	kvHeads := number("attention.head_count_kv", 1, maxHeads, false)
	keys := number("attention.key_length", 1, maxEmbedding, false)
	number("attention.value_length", 1, maxEmbedding, false)
	number("rope.dimension_count", 0, maxEmbedding, false)
	number("vocab_size", 1, maxTokens, false)
	experts := number("expert_count", 0, maxExperts, false)
	if used := number("expert_used_count", 0, maxExperts, false); used > experts {
		c.fail("%s.expert_used_count is %d of %d experts", info.Architecture, used, experts)
	}
	for _, name := range []string{"layer_norm_rms_epsilon", "layer_norm_epsilon"} {
		key := info.Architecture + ".attention." + name
		v, ok := c.kv[key]
		if eps := math.Float32frombits(uint32(v.num)); ok && v.typ == typeFloat32 && !(eps >= 0) {
			c.fail("%s is %v; it must not be negative", key, eps)
		}
	}
	if kvHeads == 0 {
		kvHeads = heads
	}
	if heads > 0 && keys == 0 {
		keys = embedding / heads
	}
	const keyAndValue, bytesEach = 2, 2
	info.CacheBytesPerToken = keyAndValue * bytesEach * int64(info.Layers) * kvHeads * keys
	return info
}

// headless are the architectures without attention, whose files say so with a 0.
var headless = map[string]bool{
	"mamba": true, "mamba2": true, "rwkv6": true, "rwkv6qwen2": true, "rwkv7": true, "arwkv7": true,
}

// tensors reads the tensor list and checks every tensor against the file's end.
func (c *checker) tensors(n uint64) {
	type extent struct {
		name         string
		offset, size uint64
	}
	alignment := uint64(32)
	if v, ok := c.kv["general.alignment"]; ok {
		if !v.isInteger() || v.num < 8 || v.num > maxAlignment || bits.OnesCount64(uint64(v.num)) != 1 {
			c.fail("general.alignment is %d; it must be a power of two up to %d", v.num, maxAlignment)
			return
		}
		alignment = uint64(v.num)
	}
	names := make(map[string]struct{})
	var list []extent
	for range n {
		name := c.str(maxNameBytes, "a tensor's name")
		size := c.tensorBytes(name)
		offset := c.u64()
		if c.err != nil {
			return
		}
		if _, twice := names[name]; twice || name == "" {
			c.fail("tensor name %q occurs twice or is empty", name)
			return
		}
		names[name] = struct{}{}
		if offset%alignment != 0 {
			c.fail("tensor %s begins at an odd place", name)
			return
		}
		list = append(list, extent{name, offset, size})
	}
	data := (uint64(c.read) + alignment - 1) &^ (alignment - 1)
	for _, t := range list {
		// Each is below 2^62, so the sum of three can not wrap.
		if t.offset > math.MaxInt64/2 || data+t.offset+t.size > uint64(c.size) {
			c.fail("tensor %s reaches beyond the end of the file: it is truncated or damaged", t.name)
			return
		}
	}
}

// tensorBytes reads a tensor's shape and type.
func (c *checker) tensorBytes(name string) uint64 {
	dims := c.u32()
	if dims < 1 || dims > maxDims {
		c.fail("tensor %s has %d dimensions", name, dims)
		return 0
	}
	var row, elements uint64 = 0, 1
	for i := range dims {
		d := c.u64()
		hi, lo := bits.Mul64(elements, d)
		if c.err == nil && (d == 0 || hi > 0 || lo > math.MaxInt64/512) {
			c.fail("tensor %s has an impossible shape", name)
			return 0
		}
		if elements = lo; i == 0 {
			row = d
		}
	}
	typ := c.u32()
	layout, known := tensorTypes[typ]
	switch {
	case c.err != nil:
		return 0
	case !known:
		c.fail("tensor %s has unknown type %d", name, typ)
		return 0
	case row%layout.elements != 0:
		c.fail("tensor %s has rows of %d elements, not a multiple of %d", name, row, layout.elements)
		return 0
	}
	return elements / layout.elements * layout.bytes
}

// blockLayout is how a tensor type packs its elements.
type blockLayout struct{ elements, bytes uint64 }

// tensorTypes are ggml's, by number.
var tensorTypes = map[uint32]blockLayout{
	0: {1, 4}, 1: {1, 2}, 2: {32, 18}, 3: {32, 20}, 6: {32, 22}, 7: {32, 24}, 8: {32, 34}, 9: {32, 36},
	10: {256, 84}, 11: {256, 110}, 12: {256, 144}, 13: {256, 176}, 14: {256, 210}, 15: {256, 292},
	16: {256, 66}, 17: {256, 74}, 18: {256, 98}, 19: {256, 50}, 20: {32, 18}, 21: {256, 110},
	22: {256, 82}, 23: {256, 136}, 24: {1, 1}, 25: {1, 2}, 26: {1, 4}, 27: {1, 8}, 28: {1, 8},
	29: {256, 56}, 30: {1, 2}, 34: {256, 54}, 35: {256, 66}, 39: {32, 17}, 40: {64, 36},
	41: {128, 18}, 42: {64, 18},
}
