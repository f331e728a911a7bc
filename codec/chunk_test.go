package codec

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// chunkCases are chunks as servers send them, and such as are not usual.
var chunkCases = []struct {
	name, data string
	want       Chunk
	usual      bool
}{
	{
		"openai", `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"m",` +
			`"system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,` +
			`"finish_reason":null}],"usage":null,"obfuscation":"Zx"}`,
		Chunk{Text: []byte("Hi")},
		true,
	},
	{
		"llama-server", `{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant",` +
			`"content":null}}],"created":1,"id":"c","model":"m","timings":{"a":[1,{"b":-1.5e3}]}}`,
		Chunk{},
		true,
	},
	{
		"escapes", `{"choices":[{"delta":{"content":"\n\t\"\\\u00e9\ud83d\ude00 é"}}]}`,
		Chunk{Text: []byte("\n\t\"\\é😀 é")},
		true,
	},
	{
		"thinking", `{"choices":[{"delta":{"reasoning_content":"hm","reasoning":"","content":""}}]}`,
		Chunk{Thinking: true, Text: []byte{}},
		true,
	},
	{"not thinking", `{"choices":[{"delta":{"reasoning":null,"reasoning_content":""}}]}`, Chunk{}, true},
	{"spaces", " { \"choices\" : [ { \"delta\" : { \"content\" : \"a\" } } ] }\r", Chunk{Text: []byte("a")}, true},
	{"no delta", `{"choices":[{}]}`, Chunk{}, true},

	{name: "finish reason", data: `{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}`},
	{name: "no choice", data: `{"choices":[]}`},
	{name: "no choices", data: `{}`},
	{name: "two choices", data: `{"choices":[{"delta":{"content":"a"}},{}]}`},
	{name: "choices twice", data: `{"choices":[{"delta":{"content":"a"}}],"choices":[{}]}`},
	{name: "delta twice", data: `{"choices":[{"delta":{"content":"a"},"delta":{}}]}`},
	{name: "content twice", data: `{"choices":[{"delta":{"content":"a","content":null}}]}`},
	{name: "usage", data: `{"choices":[{"delta":{"content":"a"}}],"usage":{}}`},
	{name: "error", data: `{"choices":[{"delta":{"content":"a"}}],"error":"x"}`},
	{name: "message", data: `{"choices":[{"delta":{},"message":{"content":"a"}}]}`},
	{name: "another case", data: `{"choices":[{"delta":{"Content":"a"}}]}`},
	{name: "a long s", data: `{"choiceſ":[{}],"choices":[{"delta":{"content":"a"}}]}`},
	{name: "an escaped key", data: `{"choices":[{"delta":{"\u0063ontent":"a"}}]}`},
	{name: "content of parts", data: `{"choices":[{"delta":{"content":[{"text":"a"}]}}]}`},
	{name: "not UTF-8", data: "{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"},
	{name: "half a pair", data: `{"choices":[{"delta":{"content":"\ud83d"}}]}`},
	{name: "a control character", data: "{\"choices\":[{\"delta\":{\"content\":\"\n\"}}]}"},
	{name: "no JSON", data: `{"choices":[{"delta":{"content":"a"}}]`},
	{name: "more behind", data: `{"choices":[{"delta":{"content":"a"}}]} x`},
	{name: "no object", data: `[DONE]`},
	{name: "nothing", data: ``},
}

func TestChunkDecoder(t *testing.T) {
	var d ChunkDecoder
	for _, c := range chunkCases {
		got, ok := d.Decode([]byte(c.data))
		if ok != c.usual {
			t.Errorf("%s: usual is %v, want %v", c.name, ok, c.usual)
		} else if diff := cmp.Diff(c.want, got); ok && diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// refChunk is what encoding/json makes of a chunk.
type refChunk struct {
	Choices []struct {
		Delta struct {
			Content          string
			Reasoning        string
			ReasoningContent string `json:"reasoning_content"`
		}
		Message      any
		FinishReason any `json:"finish_reason"`
	}
	Usage, Error any
}

// FuzzChunk: what the decoder takes for usual encoding/json reads likewise.
func FuzzChunk(f *testing.F) {
	for _, c := range chunkCases {
		f.Add([]byte(c.data))
	}
	var d ChunkDecoder
	f.Fuzz(func(t *testing.T, data []byte) {
		given := bytes.Clone(data)
		got, ok := d.Decode(given)
		if !bytes.Equal(given, data) {
			t.Fatal("the decoder writes to its input")
		}
		if !ok {
			return
		}
		var ref refChunk
		if err := json.Unmarshal(data, &ref); err != nil {
			t.Fatalf("encoding/json: %v", err)
		}
		if len(ref.Choices) != 1 || ref.Usage != nil || ref.Error != nil ||
			ref.Choices[0].Message != nil || ref.Choices[0].FinishReason != nil {
			t.Fatalf("usual: %+v", ref)
		}
		delta := ref.Choices[0].Delta
		want := Chunk{
			Text:     []byte(delta.Content),
			Thinking: delta.Reasoning != "" || delta.ReasoningContent != "",
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-encoding/json +got):\n%s", diff)
		}
	})
}
