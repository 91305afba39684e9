// Command runc-as-allowed is runc for a machine whose root lacks capabilities, as in many sandboxes.
// Docker's --privileged asks for every capability that the kernel knows, and runc then fails with
// "unable to apply caps: operation not permitted"; a negative oom_score_adj fails in the same way. So it
// takes from a container's configuration what this machine does not allow, and becomes runc.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// In the kernel's order: capability n is bit n.
var capabilities = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
	LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
	SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
	AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON
	BPF CHECKPOINT_RESTORE`)

func main() {
	arguments := os.Args[1:]
	if err := allow(arguments); err != nil {
		fmt.Fprintln(os.Stderr, "runc-as-allowed:", err)
		os.Exit(1)
	}
	runc, err := exec.LookPath("runc")
	if err == nil {
		err = syscall.Exec(runc, append([]string{"runc"}, arguments...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "runc-as-allowed:", err)
	os.Exit(1)
}

func allow(arguments []string) error {
	switch {
	case slices.Contains(arguments, "create"), slices.Contains(arguments, "run"):
		return rewrite(valueOf(arguments, ".", "--bundle", "-b")+"/config.json", func(config map[string]any) map[string]any {
			process, _ := config["process"].(map[string]any)
			return process
		})
	case slices.Contains(arguments, "exec"):
		if file := valueOf(arguments, "", "--process", "-p"); file != "" {
			return rewrite(file, func(process map[string]any) map[string]any { return process })
		}
	}
	return nil
}

func valueOf(arguments []string, otherwise string, names ...string) string {
	for i, argument := range arguments {
		for _, name := range names {
			if argument == name && i+1 < len(arguments) {
				return arguments[i+1]
			}
			if value, found := strings.CutPrefix(argument, name+"="); found {
				return value
			}
		}
	}
	return otherwise
}

// rewrite keeps all that it does not understand. Numbers stay as they are written.
func rewrite(file string, processOf func(map[string]any) map[string]any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var config map[string]any
	if err := decoder.Decode(&config); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	allowed, err := boundingSet()
	if err != nil {
		return err
	}
	process := processOf(config)
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		names, _ := set.([]any)
		sets[name] = slices.DeleteFunc(names, func(capability any) bool {
			return !allowed[fmt.Sprint(capability)]
		})
	}
	if adjustment, ok := process["oomScoreAdj"].(json.Number); ok && !allowed["CAP_SYS_RESOURCE"] {
		// Lowering it needs the capability; our own value is the lowest that is sure to be allowed.
		own, err := os.ReadFile("/proc/self/oom_score_adj")
		if err != nil {
			return err
		}
		lowest, _ := strconv.Atoi(strings.TrimSpace(string(own)))
		if asked, err := adjustment.Int64(); err == nil && asked < int64(lowest) {
			process["oomScoreAdj"] = lowest
		}
	}
	rewritten, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(file, rewritten, 0o600)
}

func boundingSet() (map[string]bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	allowed := map[string]bool{}
	for line := range strings.Lines(string(status)) {
		if bits, found := strings.CutPrefix(line, "CapBnd:"); found {
			mask, err := strconv.ParseUint(strings.TrimSpace(bits), 16, 64)
			if err != nil {
				return nil, err
			}
			for bit, name := range capabilities {
				allowed["CAP_"+name] = mask>>bit&1 == 1
			}
		}
	}
	return allowed, nil
}
