// Command peer is the comparator of `make bench`: a small peer on go-libp2p that speaks the same
// protocols as the services of this project: site streams, mDNS, presence over GossipSub.
//
//	peer serve FOLDER [-port N] [-label L]   prints "listening MULTIADDR", then "listed LABEL MILLISECONDS"
//	                                         for each peer whose presence it hears
//	peer get MULTIADDR PATH [-n N] [-cold]   asks N times for a file; prints microseconds and bytes of each
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const (
	topicName = "goop.presence.v1"
	site      = "/goop/site/1.0.0"
)

type presence struct {
	Type    string   `json:"type"`
	PeerID  string   `json:"peerId"`
	Content string   `json:"content"`
	Addrs   []string `json:"addrs,omitempty"`
	TS      int64    `json:"ts"`
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// newHost has the parts that the other side has too, and no more: TCP, Noise, yamux.
func newHost(port int) host.Host {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	fail(err)
	h, err := libp2p.New(
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(
			fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", port), fmt.Sprintf("/ip6/::/tcp/%d", port)),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(),
	)
	fail(err)
	return h
}

func serveSite(h host.Host, folder string) {
	h.SetStreamHandler(site, func(s network.Stream) {
		defer s.Close()
		line, err := bufio.NewReader(io.LimitReader(s, 4096)).ReadString('\n')
		if err != nil {
			s.Reset()
			return
		}
		name := strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(line, "GET ")), "/")
		if name == "" {
			name = "index.html"
		}
		f, err := os.Open(filepath.Join(folder, filepath.Clean("/"+name)))
		if err != nil {
			io.WriteString(s, "ERR not found\n")
			return
		}
		defer f.Close()
		info, err := f.Stat()
		fail(err)
		kind := mime.TypeByExtension(filepath.Ext(name))
		if kind == "" {
			kind = "application/octet-stream"
		}
		fmt.Fprintf(s, "OK %s %d\n", kind, info.Size())
		io.CopyBuffer(struct{ io.Writer }{s}, f, make([]byte, 256*1024))
	})
}

type found struct{ h host.Host }

func (f found) HandlePeerFound(p peer.AddrInfo) {
	if p.ID != f.h.ID() {
		go f.h.Connect(context.Background(), p)
	}
}

// announce publishes presence at once, every heartbeat, and when somebody joins the topic.
func announce(ctx context.Context, h host.Host, label string, began time.Time) {
	ps, err := pubsub.NewGossipSub(ctx, h)
	fail(err)
	topic, err := ps.Join(topicName)
	fail(err)
	sub, err := topic.Subscribe()
	fail(err)
	events, err := topic.EventHandler()
	fail(err)
	publish := func(kind string) {
		m := presence{Type: kind, PeerID: h.ID().String(), Content: label, TS: time.Now().UnixMilli()}
		for _, a := range h.Addrs() {
			m.Addrs = append(m.Addrs, a.String())
		}
		data, err := json.Marshal(m)
		fail(err)
		topic.Publish(ctx, data)
	}
	go func() {
		for {
			if _, err := events.NextPeerEvent(ctx); err != nil {
				return
			}
			publish("update")
		}
	}()
	go func() {
		publish("online")
		for range time.Tick(5 * time.Second) {
			publish("update")
		}
	}()
	go func() {
		seen := map[string]bool{}
		for {
			m, err := sub.Next(ctx)
			if err != nil {
				return
			}
			var p presence
			if json.Unmarshal(m.Data, &p) != nil || p.PeerID == h.ID().String() || seen[p.PeerID] {
				continue
			}
			seen[p.PeerID] = true
			fmt.Printf("listed %s %d\n", p.Content, time.Since(began).Milliseconds())
		}
	}()
}

func serve(args []string) {
	began := time.Now()
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	port := flags.Int("port", 0, "TCP port")
	label := flags.String("label", "go", "display name")
	discover := flags.Bool("discover", true, "mDNS and presence")
	folder := args[0]
	flags.Parse(args[1:])
	h := newHost(*port)
	serveSite(h, folder)
	if *discover {
		announce(context.Background(), h, *label, began)
		fail(mdns.NewMdnsService(h, "goop-mdns", found{h}).Start())
	}
	for _, a := range h.Addrs() {
		fmt.Printf("listening %s/p2p/%s\n", a, h.ID())
	}
	select {}
}

// fetch asks for a file and throws it away; returns its size.
func fetch(ctx context.Context, h host.Host, id peer.ID, path string, buffer []byte) int64 {
	s, err := h.NewStream(ctx, id, site)
	fail(err)
	defer s.Close()
	_, err = io.WriteString(s, "GET "+path+"\n")
	fail(err)
	r := bufio.NewReaderSize(s, len(buffer))
	line, err := r.ReadString('\n')
	fail(err)
	words := strings.Fields(line)
	size, err := strconv.ParseInt(words[len(words)-1], 10, 64)
	fail(err)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(r, size), buffer)
	fail(err)
	if n != size {
		fail(fmt.Errorf("%d bytes of %d", n, size))
	}
	return n
}

func get(args []string) {
	target, path := args[0], args[1]
	flags := flag.NewFlagSet("get", flag.ExitOnError)
	count := flags.Int("n", 1, "how many times")
	cold := flags.Bool("cold", false, "a new connection each time")
	flags.Parse(args[2:])
	info, err := peer.AddrInfoFromString(target)
	fail(err)
	ctx := context.Background()
	h := newHost(0)
	buffer := make([]byte, 256*1024)
	if !*cold {
		fail(h.Connect(ctx, *info))
		fetch(ctx, h, info.ID, path, buffer)
	}
	for i := 0; i < *count; i++ {
		began := time.Now()
		if *cold {
			fail(h.Connect(ctx, *info))
		}
		n := fetch(ctx, h, info.ID, path, buffer)
		fmt.Printf("%d %d\n", time.Since(began).Microseconds(), n)
		if *cold {
			h.Network().ClosePeer(info.ID)
		}
	}
}

func main() {
	if len(os.Args) >= 3 && os.Args[1] == "serve" {
		serve(os.Args[2:])
	} else if len(os.Args) >= 4 && os.Args[1] == "get" {
		get(os.Args[2:])
	} else {
		fmt.Fprintln(os.Stderr, "usage: peer serve FOLDER [-port N] [-label L] | peer get MULTIADDR PATH [-n N] [-cold]")
		os.Exit(2)
	}
}
