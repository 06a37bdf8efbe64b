// Part of go-redis when its tests are built to speak TLS: its dialer asks here for every connection.

package redis

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"sync"
)

// What a test has configured itself stays. Nil is a plain connection.
func compatTLS(configured *tls.Config, address string) *tls.Config {
	_, port, _ := net.SplitHostPort(address)
	if configured != nil || strings.Contains(os.Getenv("KV_COMPAT_PLAIN_PORTS"), port) {
		return configured
	}
	return compatConfig()
}

var compatConfig = sync.OnceValue(func() *tls.Config {
	authority, err := os.ReadFile(os.Getenv("KV_COMPAT_AUTHORITY"))
	if err != nil {
		panic(err)
	}
	pair, err := tls.LoadX509KeyPair(os.Getenv("KV_COMPAT_CERT"), os.Getenv("KV_COMPAT_KEY"))
	if err != nil {
		panic(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(authority)
	return &tls.Config{ServerName: "localhost", RootCAs: authorities, Certificates: []tls.Certificate{pair}}
})
