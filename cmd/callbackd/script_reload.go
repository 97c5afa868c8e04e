package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func scriptReloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Let the daemon that runs read its scripts and skills again",
		Long: `Let the daemon that runs at http.listen read the configuration's scripts and skills again, as SIGHUP
does. New calls begin with what it has read; contacts stay on the version of the script with which
they began, and the settings of the skills hold for all at once. Where there is a mistake, nothing
changes, and the exit code is 1. What else has changed in the configuration takes a restart.`,
		Example: "  callbackd script check /etc/callbackd/*.yaml && callbackd script reload",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			status, said, err := post(cmd.Context(), "http://"+reachable(settings.HTTPListen)+"/reload")
			if err != nil {
				return fmt.Errorf("asking the daemon at http.listen, %s: %w", settings.HTTPListen, err)
			}
			if status != http.StatusOK {
				return errors.New(said)
			}
			fmt.Fprintln(cmd.OutOrStdout(), said)
			return nil
		},
	}
}

// post asks for something to be done, and gives the status and the text of the answer.
func post(ctx context.Context, url string) (status int, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	const longest = 1 << 20
	body, err := io.ReadAll(io.LimitReader(answer.Body, longest))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, "", err
	}
	return answer.StatusCode, strings.TrimSpace(string(body)), nil
}

// reachable gives an address at which a daemon that listens there is reached from its own machine.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return listen
	}
	return net.JoinHostPort("localhost", port)
}
