package door

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// maxBuckets bounds how many users, or addresses, are remembered. Who is forgotten starts
// with a full bucket.
const maxBuckets = 16 << 10

// networkBits is the part of an IPv6 address that its holder can't choose.
const networkBits = 64

// buckets hold the tokens that requests take, one bucket a key.
type buckets struct {
	rate  rate.Limit
	burst int
	clock clock.PassiveClock
	byKey *lru.Cache[string, *rate.Limiter]
}

func newBuckets(perSecond, burst int, clk clock.PassiveClock) *buckets {
	byKey, err := lru.New[string, *rate.Limiter](maxBuckets)
	if err != nil {
		panic(err) // never: the size is above zero
	}
	return &buckets{rate.Limit(perSecond), burst, clk, byKey}
}

// take takes a token, or returns how long it is until there is one.
func (b *buckets) take(key string) time.Duration {
	limiter, ok := b.byKey.Get(key)
	if !ok {
		limiter = rate.NewLimiter(b.rate, b.burst)
		if earlier, there, _ := b.byKey.PeekOrAdd(key, limiter); there {
			limiter = earlier
		}
	}
	now := b.clock.Now()
	reservation := limiter.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now) // who is refused is not charged
	}
	return wait
}

// addressKey is who a request is from, as far as its address says. Headers of proxies are not
// believed: anybody can write them.
func addressKey(r *http.Request) string { return networkOf(ClientAddress(r)) }

// networkOf is what an address' holder can't choose of it: an IPv4 address, or an IPv6 network.
func networkOf(host string) string {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	address = address.Unmap()
	if address.Is6() {
		if network, err := address.WithZone("").Prefix(networkBits); err == nil {
			return network.String()
		}
	}
	return address.String()
}

// ClientAddress is the IP address of the other side of the connection.
func ClientAddress(r *http.Request) string { return hostOf(r.RemoteAddr) }

// hostOf is the host of HOST:PORT, or the whole if it is none.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

func tooMany(wait time.Duration) *problem.Problem {
	p := problem.TooManyRequests.With("too many requests in a short time: try again after the seconds that Retry-After says")
	p.RetryAfter = max(1, int(math.Ceil(wait.Seconds())))
	return p
}
