package limits

import (
	"testing"
	"testing/fstest"
)

func TestMemoryIn(t *testing.T) {
	const total = "MemTotal:       16000000 kB\nMemFree: 1 kB\n"
	f := func(files map[string]string, want uint64, source string) {
		t.Helper()
		root := fstest.MapFS{}
		for name, text := range files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		n, from := memoryIn(root)
		if n != want || from != source {
			t.Errorf("%v: %d from %q, want %d from %q", files, n, from, want, source)
		}
	}
	f(nil, 0, "")
	f(map[string]string{"proc/meminfo": total}, 16000000*kib, "/proc/meminfo")
	f(map[string]string{"proc/meminfo": "MemTotal: lots\n"}, 0, "")
	f(map[string]string{"proc/meminfo": "MemTotal: 99999999999999999999 kB\n"}, 0, "")

	// Version 2: the limit may stand in any group above.
	f(map[string]string{
		"proc/meminfo": total, "proc/self/cgroup": "0::/user.slice/inferd.service\n",
		"sys/fs/cgroup/user.slice/inferd.service/memory.max": "max\n",
		"sys/fs/cgroup/user.slice/memory.max":                "1073741824\n",
	}, gib, "/sys/fs/cgroup/user.slice/memory.max")
	f(map[string]string{
		"proc/meminfo": total, "proc/self/cgroup": "0::/a\n",
		"sys/fs/cgroup/a/memory.max": "1073741824\n", "sys/fs/cgroup/a/memory.high": "536870912\n",
	}, 512*mib, "/sys/fs/cgroup/a/memory.high")
	f(map[string]string{
		"proc/meminfo": total, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456",
	}, 256*mib, "/sys/fs/cgroup/memory.max")
	f(map[string]string{
		"proc/meminfo": total, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "junk",
	}, 16000000*kib, "/proc/meminfo")

	// Version 1, where "none" is a huge number.
	f(map[string]string{
		"proc/meminfo":     total,
		"proc/self/cgroup": "5:cpu,memory:/docker/x\n4:freezer:/\n",
		"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "134217728\n",
		"sys/fs/cgroup/memory/memory.limit_in_bytes":          "9223372036854771712\n",
	}, 128*mib, "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes")
	f(map[string]string{
		"proc/meminfo": total, "proc/self/cgroup": "garbage\n7:memory:/x\n",
		"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n",
	}, 16000000*kib, "/proc/meminfo")
	// A path that tries to leave the mount stays in it.
	f(map[string]string{
		"proc/meminfo": total, "proc/self/cgroup": "0::/../../etc\n",
		"sys/fs/cgroup/etc/memory.max": "134217728",
	}, 128*mib, "/sys/fs/cgroup/etc/memory.max")
}
