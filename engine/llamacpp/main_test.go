package llamacpp

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	MaybeWorker()
	goleak.VerifyTestMain(m)
}
