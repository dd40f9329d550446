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
        "The name of this node in logs and reports; empty: its cluster.advertise.");
  visit("node.identity-file", o.node.identity_file, text{"path", is_anything},
        "The file with the node id, by which the node comes back as the same member, even at "
        "another address. Empty: the file identity in storage.data-dir; in memory, a new node id "
        "at each start.");
  visit("node.confirm-timeout", o.node.confirm_timeout, period{10ms, 1min},
        "How long after a start the first write waits for what other nodes know of this node's "
        "writes, so that a disk that was set back is noticed. If no node answers, the write takes "
        "a new replica id.");

  visit("http.listen", o.http.listen, text{"host:port", is_endpoint},
        "Where this node listens for clients.");
  visit("http.advertise", o.http.advertise,
        text{"host:port, not a wildcard", is_reachable_or_empty},
        "Where clients reach this node, as shown in reports. Empty: http.listen, with the host of "
        "cluster.advertise if http.listen is a wildcard.");
  visit("http.threads", o.http.threads, number{1, 4096, "threads"},
        "Threads that answer clients. A request takes a thread when it has come whole. /healthz, "
        "/readyz and /metrics have threads of their own.");
  visit(
      "http.max-connections", o.http.max_connections, number{16, 1 << 20, "connections"},
      "The most connections of clients that are open; fewer if the limit of open files is low. To "
      "make room, silent connections are closed first, then those that were idle for longest.");
  visit("http.max-body", o.http.max_body, number{1024, 64 << 20, "bytes"},
        "The largest body of a client's request; at most half of gossip.max-value.");
  visit("http.request-timeout", o.http.request_timeout, period{10ms, 10min},
        "After this time without an answer, a request is answered with an error.");
  visit("http.transfer-timeout", o.http.transfer_timeout, period{100ms, 10min},
        "How long the head of a request may take, and how long a body or an answer may make no "
        "progress. A body or an answer must also move 1 KiB/s on average.");
  visit("http.idle-timeout", o.http.idle_timeout, period{1s, 10min},
        "How long a client's connection is kept open without a request.");

  visit("cluster.name", o.cluster.name, text{"1 to 64 printable ASCII characters", is_cluster_name},
        "The name of the cluster. Nodes with another name are strangers.");
  visit("cluster.key", o.cluster.key, text{"empty or at least 16 bytes", is_key},
        "The secret that all nodes of the cluster share. Other users see flags in the list of "
        "processes, so prefer cluster.key-file.");
  visit("cluster.key-file", o.cluster.key_file, text{"path", is_anything},
        "A file whose first line is the secret of the cluster.");
  visit("cluster.listen", o.cluster.listen, text{"host:port", is_endpoint},
        "Where this node listens for other nodes, by TCP and UDP.");
  visit("cluster.advertise", o.cluster.advertise,
        text{"host:port, not a wildcard", is_reachable_or_empty},
        "Where other nodes reach this node; empty: cluster.listen. Required if cluster.listen is a "
        "wildcard.");
  visit("cluster.seeds", o.cluster.seeds, texts{"host:port", is_reachable},
        "Nodes by which this node joins the cluster; this node may be among them.");
  visit("cluster.insecure", o.cluster.insecure, flag{},
        "Allow peers beyond this machine without a key.");
  visit("cluster.peer-clients", o.cluster.peer_clients, number{1, 256, "threads"},
        "Threads that send messages to peers.");
  visit("cluster.peer-timeout", o.cluster.peer_timeout, period{10ms, 10min},
        "How long a message to a peer and its answer may take together.");
  visit("cluster.threads", o.cluster.threads, number{1, 1024, "threads"},
        "Threads that answer peers. A message takes a thread when it has come whole.");
  visit("cluster.max-connections", o.cluster.max_connections, number{16, 1 << 20, "connections"},
        "The most connections of peers that are open; fewer if the limit of open files is low. To "
        "make room, silent connections are closed first.");
  visit("cluster.max-datagrams", o.cluster.max_datagrams, number{64, 1 << 20, "datagrams"},
        "The most datagrams of peers that wait; further ones are dropped and counted.");
  visit("cluster.resolve-interval", o.cluster.resolve_interval, period{100ms, 24h},
        "How often this node looks up its own name, to tell the others when its address has "
        "changed.");
  visit("cluster.resolve-retry", o.cluster.resolve_retry, period{100ms, 1h},
        "How soon this node looks up its own name again while the name does not resolve. Until "
        "then the node takes no part in the cluster.");

  visit("swim.probe-interval", o.swim.probe_interval, period{100ms, 1min},
        "How often this node probes a member, each member in its turn. At 1s, a member that dies "
        "is first missed after 1.6s on average.");
  visit("swim.probe-timeout-first", o.swim.probe_timeout_first, period{10ms, 10s},
        "How long a probed member may take to answer before helpers are asked, while its round "
        "trip is unknown.");
  visit("swim.probe-timeout-min", o.swim.probe_timeout_min, period{10ms, 10s},
        "The shortest such time when the round trip is known. With less, a pause of a busy machine "
        "looks like a lost packet.");
  visit("swim.probe-timeout-max", o.swim.probe_timeout_max, period{10ms, 10s},
        "The longest such time. The helpers get as much again, and both must fit into the probe "
        "interval.");
  visit("swim.indirect-probes", o.swim.indirect_probes, number{0, 8, "members"},
        "How many helpers are asked to probe a member that does not answer. With 3, one bad link "
        "or slow helper accuses nobody.");
  visit("swim.nack-margin", o.swim.nack_margin, period{1ms, 10s},
        "How long before the end of its time a helper says that it had no answer either; longer if "
        "the way back takes longer.");
  visit("swim.max-urgent-probes", o.swim.max_urgent_probes, number{1, 256, "probes"},
        "The most probes out of turn at a time: of suspects, of dead members, and of members that "
        "share an address.");
  visit("swim.max-http-pings", o.swim.max_http_pings, number{0, 256, "calls"},
        "The most members that are asked over HTTP at a time because UDP did not reach them.");
  visit("swim.max-relays", o.swim.max_relays, number{0, 65536, "probes"},
        "The most probes at a time that this node makes as a helper; who asks for more gets no "
        "help.");
  visit("swim.suspicion-multiplier", o.swim.suspicion_multiplier, number{1, 100, "times"},
        "The shortest time in which a suspect may contradict, in probe intervals, times the "
        "logarithm of the members to base 10.");
  visit("swim.suspicion-max-multiplier", o.swim.suspicion_max_multiplier, number{1, 100, "times"},
        "How many times longer a suspicion lasts while only one member accuses the suspect: a lone "
        "accuser may itself be ill.");
  visit("swim.confirmations", o.swim.confirmations, number{0, 7, "members"},
        "How many further accusers make a suspicion shortest.");
  visit("swim.health-max", o.swim.health_max, number{1, 64, "steps"},
        "How much a node may doubt itself. Each step makes its interval and its timeouts longer by "
        "once their length.");
  visit("swim.stall-tolerance", o.swim.stall_tolerance, period{10ms, 1min},
        "How late this process may come to its work. Beyond that the process counts as having been "
        "stopped, and blames nobody else for that time.");
  visit("swim.silent-intervals", o.swim.silent_intervals, number{1, 100, "probe intervals"},
        "After how many probe intervals without a word from anybody a node takes itself for cut "
        "off and delays its verdicts. With 2, the others can still answer one probe.");
  visit("swim.gossip-interval", o.swim.gossip_interval, period{10ms, 1min},
        "How often this node sends on news of members.");
  visit("swim.gossip-fanout", o.swim.gossip_fanout, number{1, 16, "members"},
        "To how many members at a time this node sends news of members.");
  visit("swim.spare-sends", o.swim.spare_sends, number{0, 64, "sends"},
        "How often each member sends a piece of news beyond ln(members) times. With 7, fewer than "
        "one member in 1000 misses it at 10 percent loss.");
  visit("swim.packet-bytes", o.swim.packet_bytes, number{1200, 1400, "bytes"},
        "The largest datagram. 1232 bytes pass through every IPv6 network in one piece.");
  visit("swim.sync-interval", o.swim.sync_interval, period{100ms, 24h},
        "How often this node exchanges its list of members with a random member; more rarely "
        "beyond 32 members.");
  visit("swim.dead-probe-interval", o.swim.dead_probe_interval, period{100ms, 24h},
        "How often some member of the cluster asks a dead member whether it is back.");
  visit("swim.seed-interval", o.swim.seed_interval, period{100ms, 24h},
        "How often a seed whose member is not alive is asked again, so that halves of a cluster "
        "find each other.");
  visit("swim.seed-backoff-min", o.swim.seed_backoff_min, period{10ms, 1h},
        "The shortest wait before a seed that was out of reach is tried again.");
  visit("swim.seed-backoff-max", o.swim.seed_backoff_max, period{10ms, 1h},
        "The longest wait before a seed that was out of reach is tried again.");
  visit("swim.notice-interval", o.swim.notice_interval, period{10ms, 1h},
        "How often, at most, a member that is held dead and sends packets is told so.");
  visit("swim.settled-intervals", o.swim.settled_intervals, number{1, 100, "probe intervals"},
        "For how long a list of members must be unchanged before it is compared with the lists of "
        "others; by then, news has usually reached everybody.");
  visit("swim.max-syncs", o.swim.max_syncs, number{1, 64, "calls"},
        "The most lists of members that are exchanged at a time, not counting those with seeds.");
  visit("swim.contest-wait-min", o.swim.contest_wait_min, period{10ms, 1h},
        "How long a node waits before it contradicts a member that claims its address. Each "
        "further wait is twice as long.");
  visit("swim.contest-wait-max", o.swim.contest_wait_max, period{10ms, 24h},
        "The longest wait before a node contradicts a member that claims its address.");
  visit("swim.clock-tolerance", o.swim.clock_tolerance, period{1min, 24h * 3650},
        "How far ahead the clock of a member may be before the member is refused. What is said of "
        "such a member could not be corrected until the others' clocks had come that far.");
  visit("swim.leave-timeout", o.swim.leave_timeout, period{100ms, 1min},
        "How long a node that leaves waits until other members say that they know.");
  visit("swim.leave-interval", o.swim.leave_interval, period{10ms, 10s},
        "How often a node that leaves tells other members so while it waits.");
  visit("swim.leave-members", o.swim.leave_members, number{1, 64, "members"},
        "For how many members a node that leaves waits; these tell the rest.");
  visit("swim.max-members", o.swim.max_members, number{1, membership::members_max, "members"},
        "The most members that are alive, this node included; further ones are refused.");
  visit("swim.dead-retention", o.swim.dead_retention, period{1s, 24h * 365},
        "How long a dead member is remembered and looked for. Parts of a cluster that were apart "
        "for less than that find each other without seeds.");
  visit("swim.max-dead", o.swim.max_dead, number{0, membership::members_max, "members"},
        "The most dead members that are remembered.");
  visit("swim.forgotten-retention", o.swim.forgotten_retention, period{1s, 24h * 365},
        "How long this node remembers that it has forgotten a dead member, so that no stale "
        "message brings the member back.");
  visit("swim.max-forgotten", o.swim.max_forgotten, number{0, 1 << 20, "members"},
        "The most forgotten members that are remembered in this way.");

  visit("gossip.interval", o.gossip.interval, period{10ms, 1h},
        "How often a random peer is sent what it lacks and asked what it has.");
  visit("gossip.fanout", o.gossip.fanout, number{1, 64, "peers"},
        "To how many peers each round of gossip goes.");
  visit("gossip.prompt-delay", o.gossip.prompt_delay, period{0ms, 1h},
        "How soon after a change the change is sent, without waiting for gossip.interval, and "
        "again until no peer lacks it. 0s: changes wait for gossip.interval.");
  visit("gossip.max-message", o.gossip.max_message, number{4096, 64 << 20, "bytes"},
        "The largest message to a peer, the same on all nodes; what is larger goes in pieces.");
  visit("gossip.max-log", o.gossip.max_log, number{4096, std::size_t{64} << 30, "bytes"},
        "How many bytes of changes are kept in memory for peers that have not acknowledged them.");
  visit("gossip.max-value", o.gossip.max_value, number{4096, 1 << 30, "bytes"},
        "The largest register or counter that is taken from a peer, and the most bytes of "
        "unfinished pieces from all peers together. Clients may fill a value up to half of this.");
  visit("gossip.leave-timeout", o.gossip.leave_timeout, period{100ms, 1h},
        "How long a node that is told to leave hands on what others lack. If another node still "
        "lacks something then, the node stays a member and takes writes again.");
  visit("gossip.stop-timeout", o.gossip.stop_timeout, period{0ms, 1h},
        "How long a node that stops hands on what others lack, at most; less than the 10s after "
        "which docker kills.");

  visit("storage.data-dir", o.storage.data_dir, text{"path", is_anything},
        "The folder that holds everything that this node keeps; made if it is missing. No other "
        "node may use it. Also --data-dir.");
  visit("storage.in-memory", o.storage.in_memory, flag{},
        "Keep nothing on the disk. What this node has not handed on is lost when it ends. Also "
        "--in-memory.");
  visit("storage.durability", o.storage.durability, text{"sync, batch or none", is_durability},
        "When a write is answered: on the disk (sync), or when it survives the end of the process. "
        "A power failure may take the last storage.batch-interval (batch) or more (none). Also "
        "--durability.");
  visit("storage.batch-interval", o.storage.batch_interval, period{1ms, 1min},
        "How often everything that was written is synced if storage.durability is batch.");
  visit("storage.cache", o.storage.cache, number{1 << 20, std::size_t{1} << 40, "bytes"},
        "Memory for what was read from the disk.");
  visit("storage.write-buffer", o.storage.write_buffer,
        number{1 << 20, std::size_t{1} << 30, "bytes"},
        "How many bytes of changes are gathered before they become a file; they may take twice as "
        "much memory.");
  visit("storage.readers", o.storage.readers, number{1, 64, "threads"},
        "Threads that read from the disk.");
  visit("storage.new-identity", o.storage.new_identity, flag{},
        "Start as a new member with a new replica id: for a disk that was set back while no other "
        "node can tell. For one start: --new-identity.");
  visit("storage.accept-loss", o.storage.accept_loss, flag{},
        "Give up what was damaged on the disk and no other node has brought back, so that its keys "
        "can be used. Also start if files of rows are missing or unknown. For one start: "
        "--accept-loss.");
  visit(
      "storage.retry-interval", o.storage.retry_interval, period{100ms, 24h},
      "How often a node whose disk failed looks for room; then the node starts itself again. The "
      "same after damage. Also for how long /readyz tells of reads that failed for other reasons.");
  visit("storage.verify-interval", o.storage.verify_interval, period{0ms, 24h * 365},
        "How often everything on the disk is read and checked, from the start on, in a tenth of "
        "the time at most. 0s: only what is asked for is checked.");

  visit(
      "keys.shards", o.keys.shards, number{1, 1024, "actors"},
      "Actors that find the actors of the keys and let them run. Fewer cost less for a write; more "
      "let more processors work on keys.");
  visit("keys.max-awake", o.keys.max_awake, number{1, 100'000'000, "keys"},
        "The most keys that have an actor and their value in memory; the others are asleep.");
  visit("keys.max-awake-bytes", o.keys.max_awake_bytes,
        number{1 << 20, std::size_t{1} << 40, "bytes"},
        "How many bytes the keys that are awake hold together, about.");
  visit("keys.max-waiting-bytes", o.keys.max_waiting_bytes,
        number{1 << 20, std::size_t{1} << 40, "bytes"},
        "How many bytes of clients' requests may wait for one key; further requests are refused.");
  visit("keys.rest-after", o.keys.rest_after, period{1s, 24h * 365},
        "How long a key may be idle before it goes to sleep.");

  visit("log.level", o.log.level, text{"debug, info, warn or error", is_log_level},
        "The least level of what is logged.");
}

} // namespace starling::config
