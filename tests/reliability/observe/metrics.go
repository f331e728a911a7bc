package observe

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"inferd/tests/harness"
)

// MetricsAddr is where a daemon started with --metrics-addr serves them.
func MetricsAddr(t testing.TB, d *harness.Daemon) string {
	t.Helper()
	_, addr, _ := strings.Cut(d.AwaitLog(t, "metrics listener bound addr="), "addr=")
	return strings.Fields(addr)[0]
}

// Scrape reads every series of the metrics, by its name with labels.
func Scrape(t testing.TB, d *harness.Daemon) map[string]float64 {
	t.Helper()
	all, err := TryScrape(MetricsAddr(t, d))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TryScrape is Scrape of an address, for any goroutine.
func TryScrape(addr string) (map[string]float64, error) {
	client := http.Client{Timeout: opTimeout}
	resp, err := client.Get("http://" + addr + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scrape: %s", resp.Status)
	}
	all := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("scrape: %q: %w", line, err)
		}
		all[line[:i]] = v
	}
	return all, lines.Err()
}
