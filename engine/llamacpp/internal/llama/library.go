package llama

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Library is the opened libllama with its entry points. Immutable after Open.
type Library struct {
	info LibraryInfo

	modelDefaults   func() modelParams
	contextDefaults func() contextParams
	loadModel       func(path string, p modelParams) uintptr
	freeModel       func(model uintptr)
	newContext      func(model uintptr, p contextParams) uintptr
	freeContext     func(ctx uintptr)
	batchInit       func(tokens, embd, seqs int32) batch
	batchFree       func(b batch)
	decode          func(ctx uintptr, b batch) int32

	getVocab     func(model uintptr) uintptr
	getMemory    func(ctx uintptr) uintptr
	trainCtx     func(model uintptr) int32
	ctxPerSeq    func(ctx uintptr) uint32
	describe     func(model uintptr, buf *byte, n uint64) int32
	chatTemplate func(model, name uintptr) *byte
	hasEncoder   func(model uintptr) bool
	hasDecoder   func(model uintptr) bool
	vocabTokens  func(vocab uintptr) int32
	vocabType    func(vocab uintptr) int32
	vocabIsEOG   func(vocab uintptr, token int32) bool
	vocabAttr    func(vocab uintptr, token int32) int32
	vocabText    func(vocab uintptr, token int32) *byte
	vocabBOS     func(vocab uintptr) int32
	vocabEOS     func(vocab uintptr) int32
	vocabAddBOS  func(vocab uintptr) bool
	tokenise     func(vocab uintptr, s *byte, n int32, out *int32, size int32, add, parse bool) int32
	tokenToPiece func(vocab uintptr, token int32, buf *byte, n, lstrip int32, special bool) int32
	memoryPosMin func(memory uintptr, seq int32) int32
	samplers     samplerFuncs
	threadpool   threadpoolFuncs
	devCount     func() uint64
	devGet       func(i uint64) uintptr
	devName      func(dev uintptr) string
	devType      func(dev uintptr) int32
	devDesc      func(dev uintptr) string
	systemInfo   func() string

	// called once a token or a step: raw addresses, no reflection
	symLogits, symApply, symSeqRemove uintptr
	// symStrlen serves as the abort callback, see Context.Abort.
	symStrlen uintptr
}

// LibraryInfo describes the opened library for people.
type LibraryInfo struct {
	Dir        string
	Version    string // as the library itself says
	Pinned     bool   // the very files of the pinned packages
	SystemInfo string // CPU features in use
	Devices    []Device
}

// Device is one thing that libggml can compute on.
type Device struct {
	Name, Description string
	GPU               bool
}

// open is the process's one library: llama.cpp keeps global state, and a second
// copy would bring its own.
var open struct {
	sync.Mutex
	lib *Library
}

// Open loads the libraries from dir, as [Find] gave it. allowVersion names one
// further llama_version() answer to accept, for those who know that its layout
// is the same. A second call must name the same directory.
func Open(dir, allowVersion string) (*Library, error) {
	open.Lock()
	defer open.Unlock()
	if open.lib != nil {
		if open.lib.info.Dir != dir {
			return nil, fmt.Errorf("llama.cpp is already loaded from %s; one process can not load it "+
				"from %s too", open.lib.info.Dir, dir)
		}
		return open.lib, nil
	}
	files, err := filesIn(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoLibrary, err)
	}
	pinned, err := verifyPins(dir, []string{files.base, files.ggml, files.lib})
	if err != nil {
		return nil, err
	}
	lib, err := load(files, allowVersion)
	if err != nil {
		return nil, err
	}
	lib.info.Dir, lib.info.Pinned = dir, pinned
	open.lib = lib
	return lib, nil
}

func load(files libraryFiles, allowVersion string) (*Library, error) {
	// Backtraces on abort fork a debugger, which can hang a dying worker.
	if err := os.Setenv("GGML_NO_BACKTRACE", "1"); err != nil {
		return nil, fmt.Errorf("set GGML_NO_BACKTRACE: %w", err)
	}
	var handles []uintptr
	for _, path := range []string{files.base, files.ggml, files.lib} {
		h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			return nil, fmt.Errorf(
				"open %s: %w (the published libraries need glibc 2.34 or newer)", path, err)
		}
		handles = append(handles, h)
	}
	base, ggml, llama := handles[0], handles[1], handles[2]

	l := &Library{}
	version, err := libraryVersion(llama)
	if err != nil {
		return nil, err
	}
	if !knownVersions[version] && version != allowVersion {
		return nil, fmt.Errorf("%w: %s says it is version %q; this build knows llama.cpp %s "+
			"(set INFERD_LLAMA_ALLOW=%s to use it all the same)",
			ErrUnknownLibrary, files.lib, version, Release, version)
	}
	l.info.Version = version
	if err := l.bind(base, ggml, llama); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknownLibrary, err)
	}
	if !checkLayout(l.modelDefaults(), l.contextDefaults()) {
		return nil, fmt.Errorf("%w: %s has another struct layout than llama.cpp %s",
			ErrUnknownLibrary, files.lib, Release)
	}
	l.start(ggml, llama, files.dir)
	return l, nil
}

func libraryVersion(llama uintptr) (string, error) {
	addr, err := purego.Dlsym(llama, "llama_version")
	if err != nil {
		return "", fmt.Errorf("%w: it has no llama_version and so is older than llama.cpp %s",
			ErrUnknownLibrary, Release)
	}
	var version func() string
	purego.RegisterFunc(&version, addr)
	return version(), nil
}

// start initialises the library's global state and loads the compute backends:
// for the CPU, the variant that fits this machine best.
func (l *Library) start(ggml, llama uintptr, dir string) {
	var (
		logSet       func(callback, data uintptr)
		backendInit  func()
		loadBackends func(dir string)
	)
	purego.RegisterLibFunc(&logSet, llama, "llama_log_set")
	purego.RegisterLibFunc(&backendInit, llama, "llama_backend_init")
	purego.RegisterLibFunc(&loadBackends, ggml, "ggml_backend_load_all_from_path")
	logSet(logCallback(), 0)
	backendInit()
	loadBackends(dir)
	l.info.SystemInfo = l.systemInfo()
	for i := range l.devCount() {
		d := l.devGet(i)
		const typeCPU = 0
		l.info.Devices = append(l.info.Devices, Device{
			Name: l.devName(d), Description: l.devDesc(d), GPU: l.devType(d) == 1 || l.devType(d) == 2,
		})
		if l.devType(d) == typeCPU && l.threadpool.create == nil {
			l.threadpool.bindCPU(d)
		}
	}
}

// Info describes the library.
func (l *Library) Info() LibraryInfo { return l.info }

// bind looks every symbol up first, so that a missing one is an error and not a
// panic of the registration.
func (l *Library) bind(base, ggml, llama uintptr) error {
	type binding struct {
		handle uintptr
		symbol string
		fn     any
	}
	var missing []error
	for _, b := range []binding{
		{llama, "llama_model_default_params", &l.modelDefaults},
		{llama, "llama_context_default_params", &l.contextDefaults},
		{llama, "llama_model_load_from_file", &l.loadModel},
		{llama, "llama_model_free", &l.freeModel},
		{llama, "llama_init_from_model", &l.newContext},
		{llama, "llama_free", &l.freeContext},
		{llama, "llama_batch_init", &l.batchInit},
		{llama, "llama_batch_free", &l.batchFree},
		{llama, "llama_decode", &l.decode},
		{llama, "llama_model_get_vocab", &l.getVocab},
		{llama, "llama_get_memory", &l.getMemory},
		{llama, "llama_model_n_ctx_train", &l.trainCtx},
		{llama, "llama_n_ctx_seq", &l.ctxPerSeq},
		{llama, "llama_model_desc", &l.describe},
		{llama, "llama_model_chat_template", &l.chatTemplate},
		{llama, "llama_model_has_encoder", &l.hasEncoder},
		{llama, "llama_model_has_decoder", &l.hasDecoder},
		{llama, "llama_vocab_n_tokens", &l.vocabTokens},
		{llama, "llama_vocab_is_eog", &l.vocabIsEOG},
		{llama, "llama_vocab_type", &l.vocabType},
		{llama, "llama_vocab_get_attr", &l.vocabAttr},
		{llama, "llama_vocab_get_text", &l.vocabText},
		{llama, "llama_vocab_bos", &l.vocabBOS},
		{llama, "llama_vocab_eos", &l.vocabEOS},
		{llama, "llama_vocab_get_add_bos", &l.vocabAddBOS},
		{llama, "llama_tokenize", &l.tokenise},
		{llama, "llama_token_to_piece", &l.tokenToPiece},
		{llama, "llama_memory_seq_pos_min", &l.memoryPosMin},
		{llama, "llama_print_system_info", &l.systemInfo},
		{ggml, "ggml_backend_dev_count", &l.devCount},
		{ggml, "ggml_backend_dev_get", &l.devGet},
		{base, "ggml_backend_dev_name", &l.devName},
		{base, "ggml_backend_dev_type", &l.devType},
		{base, "ggml_backend_dev_description", &l.devDesc},
		{llama, "llama_sampler_chain_init", &l.samplers.chain},
		{llama, "llama_sampler_chain_add", &l.samplers.add},
		{llama, "llama_sampler_free", &l.samplers.free},
		{llama, "llama_sampler_init_greedy", &l.samplers.greedy},
		{llama, "llama_sampler_init_top_k", &l.samplers.topK},
		{llama, "llama_sampler_init_top_p", &l.samplers.topP},
		{llama, "llama_sampler_init_temp", &l.samplers.temp},
		{llama, "llama_sampler_init_dist", &l.samplers.dist},
		{llama, "llama_attach_threadpool", &l.threadpool.attach},
		{base, "ggml_threadpool_params_init", &l.threadpool.paramsInit},
		{base, "ggml_backend_dev_backend_reg", &l.threadpool.devReg},
		{base, "ggml_backend_reg_get_proc_address", &l.threadpool.procAddress},
	} {
		addr, err := purego.Dlsym(b.handle, b.symbol)
		if err != nil {
			missing = append(missing, fmt.Errorf("it has no %s", b.symbol))
			continue
		}
		purego.RegisterFunc(b.fn, addr)
	}
	for _, s := range []struct {
		handle uintptr
		symbol string
		to     *uintptr
	}{
		{llama, "llama_get_logits_ith", &l.symLogits},
		{llama, "llama_sampler_apply", &l.symApply},
		{llama, "llama_memory_seq_rm", &l.symSeqRemove},
		{purego.RTLD_DEFAULT, "strlen", &l.symStrlen},
	} {
		addr, err := purego.Dlsym(s.handle, s.symbol)
		if err != nil {
			missing = append(missing, fmt.Errorf("it has no %s", s.symbol))
		}
		*s.to = addr
	}
	return errors.Join(missing...)
}

// threadpoolFuncs make a pool of compute threads that outlives one step; without
// it libggml starts and joins its threads at every step.
type threadpoolFuncs struct {
	paramsInit  func(params unsafe.Pointer, threads int32)
	devReg      func(dev uintptr) uintptr
	procAddress func(reg uintptr, name string) uintptr
	attach      func(ctx, pool, poolBatch uintptr)
	create      func(params unsafe.Pointer) uintptr
	free        func(pool uintptr)
}

func (t *threadpoolFuncs) bindCPU(dev uintptr) {
	reg := t.devReg(dev)
	create := t.procAddress(reg, "ggml_threadpool_new")
	free := t.procAddress(reg, "ggml_threadpool_free")
	if create != 0 && free != 0 {
		purego.RegisterFunc(&t.create, create)
		purego.RegisterFunc(&t.free, free)
	}
}

// newPool gives 0 where one thread needs none or the library has none.
func (t *threadpoolFuncs) newPool(threads int) uintptr {
	if threads < 2 || t.create == nil {
		return 0
	}
	// unsafe: the library fills in a ggml_threadpool_params, 512 bools of CPU mask and
	// a few words, for which this is nearly twice the room, then reads it. It keeps
	// neither pointer.
	params := make([]uint64, threadpoolParamsWords)
	t.paramsInit(unsafe.Pointer(&params[0]), int32(threads))
	pool := t.create(unsafe.Pointer(&params[0]))
	runtime.KeepAlive(params)
	return pool
}
