package peer

import (
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"
)

// TestGroupsOf_More: a peer in more groups than are asked for at first.
func TestGroupsOf_More(t *testing.T) {
	before, err := syscall.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	var many []int
	for i := range 200 {
		many = append(many, 70000+i)
	}
	if err := syscall.Setgroups(many); errors.Is(err, syscall.EPERM) {
		t.Skip("only root may change its groups")
	} else if err != nil {
		t.Fatal(err)
	}
	c := unixPair(t).(*net.UnixConn)
	if err := syscall.Setgroups(before); err != nil {
		t.Fatal(err)
	}
	err = withFD(c, func(fd int) error {
		got, err := groupsOf(fd)
		if len(got) != len(many) || !slices.Contains(got, uint32(many[len(many)-1])) {
			t.Errorf("%d groups, %v; want %d", len(got), err, len(many))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	allow := Allow{GIDs: []uint32{uint32(many[len(many)-1])}}
	if id, err := FromConn(c); err != nil || !allow.Permits(c, id) {
		t.Errorf("the last group's member is refused: %v, %v", id, err)
	}
}
