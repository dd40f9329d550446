#pragma once

// Every option: its name, where its value is, what it may be, and what it means with the reason for
// its default. Whoever reads, checks, lists or explains options walks over this one table.

#include "config/options.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace starling::config {

/// What an option may be: the type of its value picks one of these.
struct number {
  std::size_t least;
  std::size_t most;
  std::string_view unit;
};

struct period {
  std::chrono::milliseconds least;
  std::chrono::milliseconds most;
};

struct text {
  std::string_view what;
  bool (*allows)(std::string_view);
};

struct texts {
  std::string_view what;
  bool (*allows)(std::string_view);
};

struct flag {};

bool is_member_name(std::string_view s);
bool is_cluster_name(std::string_view s);
bool is_endpoint(std::string_view s);
bool is_reachable(std::string_view s);
bool is_reachable_or_empty(std::string_view s);
bool is_key(std::string_view s);
bool is_log_level(std::string_view s);
bool is_durability(std::string_view s);
bool is_anything(std::string_view s);

inline constexpr std::size_t key_bytes_min = 16;

/// The type in which a value is read, checked and shown.
template <class T>
using plain_type = std::conditional_t<
    std::is_same_v<T, membership::duration>, std::chrono::milliseconds,
    std::conditional_t<std::is_unsigned_v<T> && !std::is_same_v<T, bool>, std::size_t, T>>;

/// A value in that type.
template <class T>
plain_type<T> plain(const T& value) {
  if constexpr (std::is_same_v<T, membership::duration>)
    return std::chrono::floor<std::chrono::milliseconds>(value);
  else
    return value;
}

// What a value may be, in words.
std::string describe(const number& r);
std::string describe(const period& r);
std::string describe(const text& r);
std::string describe(const texts& r);
std::string describe(const flag&);

// A value as it is written in a file or behind a flag.
std::string show(std::size_t x);
std::string show(std::chrono::milliseconds x);
std::string show(const std::string& x);
std::string show(bool x);
std::string show(const std::vector<std::string>&);

// That a value is none of these, to follow its name.
std::string must_be(const auto& rule) {
  return "must be " + describe(rule);
}
std::string must_be(const period& rule);
std::string must_be(const texts& rule);

// What is wrong with a value, to follow its name. Does not repeat a text: it may be a key.
std::optional<std::string> complaint_about(std::size_t value, const number& rule);
std::optional<std::string> complaint_about(std::chrono::milliseconds value, const period& rule);
std::optional<std::string> complaint_about(const std::string& value, const text& rule);
std::optional<std::string> complaint_about(const std::vector<std::string>& value,
                                           const texts& rule);
std::optional<std::string> complaint_about(bool, const flag&);

/// Calls `visit(name, value, rule, meaning)` for each option.
template <class Visitor>
void visit_options(options& o, Visitor visit) {
  using namespace std::chrono_literals;
  visit("node.name", o.node.name, text{"up to 64 printable ASCII characters", is_member_name},
        "How logs and reports call this node; empty: its cluster.advertise.");
  visit("node.identity-file", o.node.identity_file, text{"path", is_anything},
        "Where the node's id is kept, so that it comes back as the same member, even at another "
        "address; empty: in storage.data-dir, or a new id at each start if that is not used.");
  visit(
      "node.confirm-timeout", o.node.confirm_timeout, period{10ms, 1min},
      "How long, after a start, the first write waits for all others to say what they know of this "
      "node's writes, so that a disk that was set back is noticed; if none answers, it costs an "
      "id.");

  visit("http.listen", o.http.listen, text{"host:port", is_endpoint},
        "Where clients are listened to.");
  visit("http.advertise", o.http.advertise,
        text{"host:port, not a wildcard", is_reachable_or_empty},
        "Where clients reach this node, shown in reports; empty: http.listen, with the host of "
        "cluster.advertise if that is a wildcard.");
  visit(
      "http.threads", o.http.threads, number{1, 4096, "threads"},
      "Threads that answer clients; a request takes one once it has come whole. /healthz, /readyz "
      "and /metrics have others.");
  visit("http.max-connections", o.http.max_connections, number{16, 1 << 20, "connections"},
        "Connections of clients that are open at most, fewer where the limit of open files is "
        "low; those that say nothing, or are idle for longest, are closed for others.");
  visit("http.max-body", o.http.max_body, number{1024, 64 << 20, "bytes"},
        "The largest body of a client's request; at most half of gossip.max-value.");
  visit("http.request-timeout", o.http.request_timeout, period{10ms, 10min},
        "How long a request may take before it is answered with an error.");
  visit("http.transfer-timeout", o.http.transfer_timeout, period{100ms, 10min},
        "How long the head of a request may take, and a body or an answer may make no progress; "
        "these also have to move 1 KiB/s on average.");
  visit("http.idle-timeout", o.http.idle_timeout, period{1s, 10min},
        "How long a client's connection is kept alive without a request.");

  visit("cluster.name", o.cluster.name, text{"1 to 64 printable ASCII characters", is_cluster_name},
        "Nodes with another name are strangers.");
  visit("cluster.key", o.cluster.key, text{"empty or at least 16 bytes", is_key},
        "The secret that the nodes of the cluster share; other users see it in the list of "
        "processes, so prefer cluster.key-file.");
  visit("cluster.key-file", o.cluster.key_file, text{"path", is_anything},
        "A file whose first line is the key.");
  visit("cluster.listen", o.cluster.listen, text{"host:port", is_endpoint},
        "Where peers are listened to.");
  visit("cluster.advertise", o.cluster.advertise,
        text{"host:port, not a wildcard", is_reachable_or_empty},
        "Where peers reach this node; empty: cluster.listen. Required if that is a wildcard.");
  visit("cluster.seeds", o.cluster.seeds, texts{"host:port", is_reachable},
        "Nodes to join the cluster by; this one may be among them.");
  visit("cluster.insecure", o.cluster.insecure, flag{},
        "Allow peers beyond this machine without a key.");
  visit("cluster.peer-clients", o.cluster.peer_clients, number{1, 256, "threads"},
        "Threads that send messages to peers.");
  visit("cluster.peer-timeout", o.cluster.peer_timeout, period{10ms, 10min},
        "How long a message to a peer and its answer may take together.");
  visit("cluster.threads", o.cluster.threads, number{1, 1024, "threads"},
        "Threads that answer peers; a message takes one once it has come whole.");
  visit("cluster.max-connections", o.cluster.max_connections, number{16, 1 << 20, "connections"},
        "Connections to cluster.listen that are open at most, fewer where the limit of open files "
        "is low; those that say nothing are closed for others.");
  visit("cluster.max-datagrams", o.cluster.max_datagrams, number{64, 1 << 20, "datagrams"},
        "Datagrams of peers that wait at most; further ones are dropped and counted.");
  visit("cluster.resolve-interval", o.cluster.resolve_interval, period{100ms, 24h},
        "How often this node looks its own name up, to tell the others when it has moved.");
  visit("cluster.resolve-retry", o.cluster.resolve_retry, period{100ms, 1h},
        "How soon again while it does not resolve: until then the node takes no part.");

  visit("swim.probe-interval", o.swim.probe_interval, period{100ms, 1min},
        "How often a member is asked whether it is there, each in its turn: at 1s a member that "
        "dies is first missed after 1.6s on average.");
  visit("swim.probe-timeout-first", o.swim.probe_timeout_first, period{10ms, 10s},
        "How long a member may take to answer before others are asked to try, while its round "
        "trip is unknown.");
  visit("swim.probe-timeout-min", o.swim.probe_timeout_min, period{10ms, 10s},
        "The least of that once the round trip is known; below it the scheduler of a busy machine "
        "looks like a lost packet.");
  visit("swim.probe-timeout-max", o.swim.probe_timeout_max, period{10ms, 10s},
        "The most of that; with as much again for those who try, it must fit into the interval.");
  visit("swim.indirect-probes", o.swim.indirect_probes, number{0, 8, "members"},
        "How many others are asked to try: with 3, one bad link or slow helper accuses nobody.");
  visit("swim.nack-margin", o.swim.nack_margin, period{1ms, 10s},
        "How long before the time is over they say that they had no answer either; longer where "
        "the way back is.");
  visit("swim.max-urgent-probes", o.swim.max_urgent_probes, number{1, 256, "probes"},
        "Probes out of turn at a time: of suspects, of the dead, of who shares an address.");
  visit("swim.max-http-pings", o.swim.max_http_pings, number{0, 256, "calls"},
        "Members asked over HTTP at a time, since UDP did not reach them.");
  visit("swim.max-relays", o.swim.max_relays, number{0, 65536, "probes"},
        "Probes for others at a time; who asks for more gets no help.");
  visit("swim.suspicion-multiplier", o.swim.suspicion_multiplier, number{1, 100, "times"},
        "How long a member that nobody reaches may defend itself, at least, in probe intervals "
        "(and times the logarithm of the members to base 10).");
  visit("swim.suspicion-max-multiplier", o.swim.suspicion_max_multiplier, number{1, 100, "times"},
        "How much longer that is while only one member accuses it: a lone accuser may be the one "
        "that is ill.");
  visit("swim.confirmations", o.swim.confirmations, number{0, 7, "members"},
        "How many further accusers make it shortest.");
  visit("swim.health-max", o.swim.health_max, number{1, 64, "steps"},
        "How much a node may doubt itself: each step makes its interval and timeouts longer by "
        "once their length.");
  visit("swim.stall-tolerance", o.swim.stall_tolerance, period{10ms, 1min},
        "How late this process may come to its work before that counts as not having run, for "
        "which nobody else is blamed.");
  visit("swim.silent-intervals", o.swim.silent_intervals, number{1, 100, "probe intervals"},
        "After how long without a word from anybody a node takes itself for cut off and delays "
        "its verdicts; at 2 the others can still answer one probe.");
  visit("swim.gossip-interval", o.swim.gossip_interval, period{10ms, 1min},
        "How often news of members is sent on.");
  visit("swim.gossip-fanout", o.swim.gossip_fanout, number{1, 16, "members"},
        "To how many members at a time.");
  visit("swim.spare-sends", o.swim.spare_sends, number{0, 64, "sends"},
        "How often each member sends a piece of news beyond ln(members) times; with 7, fewer than "
        "one member in 1000 misses it at 10 percent loss.");
  visit("swim.packet-bytes", o.swim.packet_bytes, number{1024, 1400, "bytes"},
        "The largest datagram; 1232 passes through every IPv6 network in one piece.");
  visit("swim.sync-interval", o.swim.sync_interval, period{100ms, 24h},
        "How often the list of members is exchanged with a random one; more rarely beyond 32 "
        "members.");
  visit("swim.dead-probe-interval", o.swim.dead_probe_interval, period{100ms, 24h},
        "How often a dead member is asked whether it is back, by one of all members.");
  visit("swim.seed-interval", o.swim.seed_interval, period{100ms, 24h},
        "How often a seed is asked again whose member is not alive, so that halves of a cluster "
        "find each other.");
  visit("swim.seed-backoff-min", o.swim.seed_backoff_min, period{10ms, 1h},
        "The shortest wait before a seed out of reach is tried again.");
  visit("swim.seed-backoff-max", o.swim.seed_backoff_max, period{10ms, 1h},
        "The longest wait before a seed out of reach is tried again.");
  visit("swim.notice-interval", o.swim.notice_interval, period{10ms, 1h},
        "How often a member that is held dead, and sends, is told so at most.");
  visit("swim.settled-intervals", o.swim.settled_intervals, number{1, 100, "probe intervals"},
        "For how long a list of members has to be unchanged before it is compared with others'; "
        "by then news has usually been everywhere.");
  visit("swim.max-syncs", o.swim.max_syncs, number{1, 64, "calls"},
        "Lists exchanged at a time, those with seeds aside.");
  visit("swim.contest-wait-min", o.swim.contest_wait_min, period{10ms, 1h},
        "How long a node waits before it contradicts a member that claims its address; twice as "
        "long each time.");
  visit("swim.contest-wait-max", o.swim.contest_wait_max, period{10ms, 24h},
        "The longest of these waits.");
  visit("swim.clock-tolerance", o.swim.clock_tolerance, period{1min, 24h * 3650},
        "How far a member's clock may be ahead before it is refused, for the others could never "
        "again be above it.");
  visit("swim.leave-timeout", o.swim.leave_timeout, period{100ms, 1min},
        "How long a node that leaves waits until others said that they know.");
  visit("swim.leave-interval", o.swim.leave_interval, period{10ms, 10s},
        "How often it tells them again meanwhile.");
  visit("swim.leave-members", o.swim.leave_members, number{1, 64, "members"},
        "How many it waits for; they tell the rest.");
  visit("swim.max-members", o.swim.max_members, number{1, membership::members_max, "members"},
        "Members that are alive at most, this node included; further ones are ignored.");
  visit("swim.dead-retention", o.swim.dead_retention, period{1s, 24h * 365},
        "How long a dead member is remembered and looked for: parts of a cluster that were apart "
        "for less heal without seeds.");
  visit("swim.max-dead", o.swim.max_dead, number{0, membership::members_max, "members"},
        "How many of them at most.");
  visit("swim.forgotten-retention", o.swim.forgotten_retention, period{1s, 24h * 365},
        "How long it is remembered that a member was forgotten, so that no stale message brings "
        "it back.");
  visit("swim.max-forgotten", o.swim.max_forgotten, number{0, 1 << 20, "members"},
        "How many of them at most.");

  visit("gossip.interval", o.gossip.interval, period{10ms, 1h},
        "How often a random peer is sent what it lacks, and asked what it has.");
  visit("gossip.fanout", o.gossip.fanout, number{1, 64, "peers"}, "To how many peers each time.");
  visit("gossip.prompt-delay", o.gossip.prompt_delay, period{0ms, 1h},
        "After a change, how soon to do so out of turn, and again until nobody lacks it, so that "
        "others see it before the interval is over; what changes meanwhile goes along. 0s: not at "
        "all.");
  visit("gossip.max-message", o.gossip.max_message, number{4096, 64 << 20, "bytes"},
        "The largest message to a peer, the same on all nodes; what is larger goes in pieces.");
  visit("gossip.max-log", o.gossip.max_log, number{4096, std::size_t{64} << 30, "bytes"},
        "How much change is kept in memory for peers that have not acknowledged it.");
  visit("gossip.max-value", o.gossip.max_value, number{4096, 1 << 30, "bytes"},
        "The largest register or counter that is taken from a peer, and what comes in pieces from "
        "all of them; a set takes no more members from clients beyond half of it.");
  visit("gossip.leave-timeout", o.gossip.leave_timeout, period{100ms, 1h},
        "How long a node that is told to leave hands on what others lack; if one still lacks "
        "something then, it stays and takes writes again.");
  visit("gossip.stop-timeout", o.gossip.stop_timeout, period{0ms, 1h},
        "How long a node that is stopped hands on what others lack, at most: less than the 10s "
        "after which docker kills.");

  visit("storage.data-dir", o.storage.data_dir, text{"path", is_anything},
        "The folder that holds everything; made if it is missing, and no other node's. Also "
        "--data-dir.");
  visit("storage.in-memory", o.storage.in_memory, flag{},
        "Keep nothing: what this node has not handed on is lost when it ends. Also --in-memory.");
  visit("storage.durability", o.storage.durability, text{"sync, batch or none", is_durability},
        "A write is answered once it survives a power failure (sync) or the end of the process; "
        "a power failure may take the last storage.batch-interval (batch) or more (none). "
        "Also --durability.");
  visit("storage.batch-interval", o.storage.batch_interval, period{1ms, 1min},
        "How often all that was written is synced where durability is batch.");
  visit("storage.cache", o.storage.cache, number{1 << 20, std::size_t{1} << 40, "bytes"},
        "Memory for what was read from the disk.");
  visit("storage.write-buffer", o.storage.write_buffer,
        number{1 << 20, std::size_t{1} << 30, "bytes"},
        "How much is gathered before it becomes a file; twice as much memory at most.");
  visit("storage.readers", o.storage.readers, number{1, 64, "threads"},
        "Threads that read from the disk.");
  visit("storage.new-identity", o.storage.new_identity, flag{},
        "Start as a new member that numbers its events anew: for a disk that was set back while "
        "no other node can tell. For one start: --new-identity.");
  visit("storage.accept-loss", o.storage.accept_loss, flag{},
        "Give up what was damaged on the disk and no other node has brought back, so that its keys "
        "can be used again, also where files of rows are missing or unknown. For one start: "
        "--accept-loss.");
  visit("storage.retry-interval", o.storage.retry_interval, period{100ms, 24h},
        "After the disk failed or was found damaged, how often to look whether it has room; then "
        "the node starts itself again. Also for how long /readyz tells of other failed reads.");
  visit("storage.verify-interval", o.storage.verify_interval, period{0ms, 24h * 365},
        "How often all that is on the disk is read and checked, from the start on, a tenth of the "
        "time at most. 0s: only what is asked for.");

  visit("keys.shards", o.keys.shards, number{1, 1024, "actors"}, "Actors that look up the keys.");
  visit("keys.max-awake", o.keys.max_awake, number{1, 100'000'000, "keys"},
        "Keys that have an actor, at most; the others are asleep.");
  visit("keys.max-awake-bytes", o.keys.max_awake_bytes,
        number{1 << 20, std::size_t{1} << 40, "bytes"}, "What these hold together, about.");
  visit("keys.max-waiting-bytes", o.keys.max_waiting_bytes,
        number{1 << 20, std::size_t{1} << 40, "bytes"},
        "What clients have asked of one key and waits for an answer, at most; more is refused.");
  visit("keys.rest-after", o.keys.rest_after, period{1s, 24h * 365},
        "How long a key may be idle before it goes to sleep.");

  visit("log.level", o.log.level, text{"debug, info, warn or error", is_log_level},
        "The least level of what is logged.");
}

} // namespace starling::config
