package llama

import "structs"

// The C structs below are those of llama.cpp v0.4.0 (include/llama.h), field for
// field. A library of another layout loads without complaint and then computes
// nonsense: checkLayout and the version list guard against it.

// modelParams is llama_model_params.
type modelParams struct {
	_ structs.HostLayout

	devices, tensorBuftOverrides  uintptr
	nGPULayers                    int32
	splitMode, loadMode, lazyMode int32
	mainGPU                       int32
	_                             int32
	tensorSplit                   uintptr
	progress, progressData        uintptr
	kvOverrides                   uintptr
	vocabOnly, checkTensors       bool
	useExtraBufts, noHost         bool
	noAlloc, loadMTP              bool
	_                             [2]byte
}

// contextParams is llama_context_params.
type contextParams struct {
	_ structs.HostLayout

	nCtx, nBatch, nUBatch, nSeqMax             uint32
	nRsSeq, nOutputsMax, nOutputsMaxPerSeq     uint32
	nThreads, nThreadsBatch                    int32
	ctxType, ropeScaling, pooling, attention   int32
	flashAttention                             int32
	ropeFreqBase, ropeFreqScale                float32
	yarnExt, yarnAttn, yarnBetaFast, yarnBetaS float32
	yarnOrigCtx                                uint32
	defragThold                                float32
	cbEval, cbEvalData                         uintptr
	typeK, typeV                               int32
	abort, abortData                           uintptr
	embeddings, offloadKQV, noPerf             bool
	opOffload, swaFull, kvUnified              bool
	_                                          [2]byte
	samplers                                   uintptr
	nSamplers                                  uint64
	ctxOther                                   uintptr
}

// batch is llama_batch; the arrays are the library's, made by llama_batch_init.
type batch struct {
	_ structs.HostLayout

	nTokens int32
	_       int32
	token   *int32
	embd    *float32
	pos     *int32
	nSeqID  *int32
	seqID   **int32
	logits  *int8
}

// tokenData is llama_token_data.
type tokenData struct {
	_ structs.HostLayout

	id       int32
	logit, p float32
}

// tokenArray is llama_token_data_array.
type tokenArray struct {
	_ structs.HostLayout

	data     *tokenData
	size     uint64
	selected int64
	sorted   bool
	_        [7]byte
}

// chainParams is llama_sampler_chain_params.
type chainParams struct {
	_ structs.HostLayout

	noPerf bool
}

// checkLayout compares the defaults a library hands out with those the known
// versions document: a shifted field shows up here before it does harm.
func checkLayout(m modelParams, c contextParams) bool {
	const f16 = 1
	return c.nCtx == 512 && c.nBatch == 2048 && c.nUBatch == 512 && c.nSeqMax == 1 &&
		c.typeK == f16 && c.typeV == f16 && c.offloadKQV && c.nOutputsMaxPerSeq == 1 &&
		c.ropeScaling == -1 && c.flashAttention == -1 && c.yarnExt == -1 && c.defragThold == -1 &&
		c.cbEval == 0 && c.abort == 0 && c.samplers == 0 && c.nSamplers == 0 && c.ctxOther == 0 &&
		m.nGPULayers == -1 && m.splitMode == 1 && m.loadMode == -1 && m.devices == 0 &&
		m.kvOverrides == 0 && m.progress == 0 && !m.vocabOnly && !m.noAlloc
}
