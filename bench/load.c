/* The load generator: lines out, the same lines back, over many connections.
 *
 *     load HOST:PORT CONNECTIONS IN_FLIGHT SIZE SECONDS
 *     load /PATH CONNECTIONS IN_FLIGHT SIZE SECONDS
 *
 * Each connection keeps IN_FLIGHT lines of SIZE bytes (newline included) on the
 * way: what comes back is counted, checked byte for byte, and sent again in one
 * write.  One thread, one epoll: on its own core it outruns every server that is
 * measured here, so that the server is the bottleneck.  Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 1 << 16 };

struct peer {
    int fd;
    long sent, received; /* bytes */
};

static char *stream; /* the lines, over and over, for CHUNK + size bytes */
static int size;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int dial(const char *target) {
    if (target[0] == '/') {
        struct sockaddr_un path = {.sun_family = AF_UNIX};
        strncpy(path.sun_path, target, sizeof path.sun_path - 1);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&path, sizeof path)) die(target);
        return fd;
    }
    const char *colon = strrchr(target, ':');
    char host[64] = {0};
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (colon) {
        strncpy(host, target, (size_t)(colon - target) < sizeof host ? (size_t)(colon - target) : sizeof host - 1);
        address.sin_port = htons(atoi(colon + 1));
    }
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die(target);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die(target);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Send lines until `bytes` have gone out in all; the kernel may take them in parts. */
static void send_up_to(struct peer *peer, long bytes) {
    while (peer->sent < bytes) {
        long want = bytes - peer->sent;
        if (want > CHUNK) want = CHUNK;
        ssize_t n = send(peer->fd, stream + peer->sent % size, want, MSG_NOSIGNAL);
        if (n < 0) die("send");
        peer->sent += n;
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: load HOST:PORT|/PATH CONNECTIONS IN_FLIGHT SIZE SECONDS\n");
        return 2;
    }
    int connections = atoi(argv[2]), in_flight = atoi(argv[3]);
    double seconds = atof(argv[5]);
    size = atoi(argv[4]);
    stream = malloc(CHUNK + size);
    for (int i = 0; i < CHUNK + size; i++) stream[i] = i % size == size - 1 ? '\n' : 'a' + i % size % 26;

    struct peer *peers = calloc(connections, sizeof *peers);
    int epoll = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        struct peer *peer = &peers[i];
        peer->fd = dial(argv[1]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &event);
    }

    static char input[CHUNK];
    struct epoll_event events[EVENTS];
    long messages = 0, open = connections;
    double started = now(), end = started + seconds;
    for (int i = 0; i < connections; i++) send_up_to(&peers[i], (long)in_flight * size);
    /* At the end each waits for what is still on its way, and hangs up politely. */
    while (open) {
        int ready = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < ready; i++) {
            struct peer *peer = events[i].data.ptr;
            ssize_t n = recv(peer->fd, input, CHUNK, MSG_DONTWAIT);
            if (n < 0 && errno == EAGAIN) continue;
            if (n <= 0) die("the server hung up");
            if (memcmp(input, stream + peer->received % size, n)) {
                fprintf(stderr, "what came back is not what was sent\n");
                return 1;
            }
            long lines = (peer->received % size + n) / size;
            peer->received += n;
            messages += lines;
            if (now() < end) {
                send_up_to(peer, (peer->received / size + in_flight) * size);
            } else if (peer->received == peer->sent) {
                close(peer->fd);
                open--;
            }
        }
    }
    printf("{\"messages\": %ld, \"seconds\": %.6f}\n", messages, now() - started);
    return 0;
}
