package client

import "testing"

func TestTapSeesTheLines(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA + `{"type":"later"}` + "\n" + doneAB)
	})
	c := dialed(t, target)
	var seen string
	c.Tap(func(line []byte) { seen += string(line) + "\n" })
	if _, err := c.Text(testContext(t), ask("hi")); err != nil {
		t.Fatal(err)
	}
	if want := tokenA + `{"type":"later"}` + "\n" + doneAB; seen != want {
		t.Errorf("tapped %q, want %q", seen, want)
	}
}
