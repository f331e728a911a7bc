package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Frame is any answer of the inference or the admin socket.
type Frame struct {
	Type         string
	ID           string
	Content      string
	Code         string
	Message      string
	StopReason   string `json:"stop_reason"`
	Backend      string
	Status       string
	RetryAfterMS *int64 `json:"retry_after_ms"`
	Active       *int
	Queued       *int
	Usage        struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	}
}

// Terminal says whether the frame ends its request.
func (f Frame) Terminal() bool { return f.Type == "done" || f.Type == "error" }

// Outcome is done, or the code of the error.
func (f Frame) Outcome() string {
	if f.Type == "error" {
		return f.Code
	}
	return f.Type
}

// Ask is a whole request line with that id.
func Ask(id string) string {
	return fmt.Sprintf(`{"id":%q,"messages":[{"role":"user","content":"hi"}]}`+"\n", id)
}

// Conn is one client's connection.
type Conn struct {
	net.Conn
	t testing.TB
	r *bufio.Reader

	text strings.Builder // the tokens of the running request
}

// Dial connects to the inference socket.
func (d *Daemon) Dial(t testing.TB) *Conn { t.Helper(); return Dial(t, "unix", d.Unix()) }

// DialTCP connects to the TCP listener.
func (d *Daemon) DialTCP(t testing.TB) *Conn { t.Helper(); return Dial(t, "tcp", d.TCP(t)) }

// DialAdmin connects to the admin socket.
func (d *Daemon) DialAdmin(t testing.TB) *Conn { t.Helper(); return Dial(t, "unix", d.Admin()) }

// Dial connects to any socket; the connection is closed when the test ends.
func Dial(t testing.TB, network, addr string) *Conn {
	t.Helper()
	c, err := TryDial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TryDial is Dial for any goroutine; only the Try methods of its Conn may be used.
func TryDial(network, addr string) (*Conn, error) {
	nc, err := net.DialTimeout(network, addr, opTimeout)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: nc, r: bufio.NewReaderSize(nc, readBufferBytes)}, nil
}

// TrySend writes s as it is.
func (c *Conn) TrySend(s string) error {
	_ = c.SetWriteDeadline(time.Now().Add(opTimeout))
	_, err := io.WriteString(c.Conn, s)
	return err
}

// Send is TrySend or the test's end.
func (c *Conn) Send(s string) {
	c.t.Helper()
	if err := c.TrySend(s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// TryLine reads a line and returns it without its newline.
func (c *Conn) TryLine() (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(opTimeout))
	line, err := c.r.ReadString('\n')
	if err != nil {
		if line != "" {
			err = fmt.Errorf("%w behind %d bytes of a line", err, len(line))
		}
		return "", err
	}
	return line[:len(line)-1], nil
}

// Line is TryLine or the test's end.
func (c *Conn) Line() string {
	c.t.Helper()
	line, err := c.TryLine()
	if err != nil {
		c.t.Fatalf("read a line: %v", err)
	}
	return line
}

// Expect reads as many lines as are wanted and compares them byte for byte.
func (c *Conn) Expect(want ...string) {
	c.t.Helper()
	for i, w := range want {
		if got := c.Line(); got != w {
			c.t.Fatalf("line %d:\n got %s\nwant %s", i, clip(got), clip(w))
		}
	}
}

func clip(s string) string {
	const most = 400
	if len(s) > most {
		return fmt.Sprintf("%s… (%d bytes)", s[:most], len(s))
	}
	return s
}

// TryFrame reads and decodes a line, and checks what holds for every done behind
// tokens: its content is theirs.
func (c *Conn) TryFrame() (Frame, error) {
	line, err := c.TryLine()
	if err != nil {
		return Frame{}, err
	}
	var f Frame
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		return f, fmt.Errorf("%w in %s", err, clip(line))
	}
	if f.Type == "token" {
		c.text.WriteString(f.Content)
		return f, nil
	}
	said := c.text.String()
	if c.text.Reset(); f.Type == "done" && said != "" && f.Content != said {
		return f, fmt.Errorf("done says %s, the tokens said %s", clip(f.Content), clip(said))
	}
	return f, nil
}

// Frame is TryFrame or the test's end.
func (c *Conn) Frame() Frame {
	c.t.Helper()
	f, err := c.TryFrame()
	if err != nil {
		c.t.Fatalf("read a frame: %v", err)
	}
	return f
}

// TryStream reads one request's frames, or what is left of them, the terminal one
// included, and checks that they have one id.
func (c *Conn) TryStream() ([]Frame, error) {
	var all []Frame
	for {
		f, err := c.TryFrame()
		if err != nil {
			return all, fmt.Errorf("behind %d frames: %w", len(all), err)
		}
		all = append(all, f)
		switch {
		case f.ID != all[0].ID:
			return all, fmt.Errorf("a frame of %q in the stream of %q", f.ID, all[0].ID)
		case f.Terminal():
			return all, nil
		case f.Type != "token":
			return all, fmt.Errorf("a frame of type %q", f.Type)
		}
	}
}

// Stream is TryStream or the test's end.
func (c *Conn) Stream() []Frame {
	c.t.Helper()
	all, err := c.TryStream()
	if err != nil {
		c.t.Fatalf("read a stream: %v", err)
	}
	return all
}

// Last reads one request's frames and returns the terminal one.
func (c *Conn) Last() Frame {
	c.t.Helper()
	all := c.Stream()
	return all[len(all)-1]
}

// TryLast is Last for any goroutine.
func (c *Conn) TryLast() (Frame, error) {
	all, err := c.TryStream()
	if err != nil {
		return Frame{}, err
	}
	return all[len(all)-1], nil
}

// TryEOF reads to the end and fails unless that is the next thing.
func (c *Conn) TryEOF() error {
	line, err := c.TryLine()
	switch {
	case err == nil:
		return fmt.Errorf("a line where the end was expected: %s", clip(line))
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("not a clean end: %w", err)
	}
	return nil
}

// EOF is TryEOF or the test's end.
func (c *Conn) EOF() {
	c.t.Helper()
	if err := c.TryEOF(); err != nil {
		c.t.Fatal(err)
	}
}

// Silent fails if anything, the end included, comes within d.
func (c *Conn) Silent(d time.Duration) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(d))
	b, err := c.r.Peek(1)
	var timeout net.Error
	if len(b) > 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
		c.t.Fatalf("not silent: %q, %v", b, err)
	}
}

// TryCloseWrite shuts the sending half.
func (c *Conn) TryCloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// CloseWrite is TryCloseWrite or the test's end.
func (c *Conn) CloseWrite() {
	c.t.Helper()
	if err := c.TryCloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}
