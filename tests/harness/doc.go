// Package harness runs the real binaries for black-box tests: it builds them
// once per test process, starts daemons in short temporary directories, talks to
// their sockets with deadlines, and ends them.
//
//	func TestMain(m *testing.M) { harness.Main(m) }
//
//	d := harness.StartMock(t, "--mock-tokens", "3")
//	c := d.Dial(t)
//	c.Send(harness.Ask("r1"))
//	frames := c.Stream()
//
// It knows the wire only as bytes and JSON: it imports no package of the daemon,
// so that a test cannot agree with the daemon by sharing its mistakes. The
// binaries are instrumented by the race detector if the test is, and a race that
// a daemon reports fails the test that started it. With INFERD_BIN set to a
// directory, the binaries there are tested instead.
//
// Methods that take or hold a testing.TB fail that test and must run on its
// goroutine; the Try variants return errors and may run anywhere.
package harness
