#include "node/node.hpp"

#include "actors/ask.hpp"
#include "actors/backup.hpp"
#include "actors/ending.hpp"
#include "actors/gossip.hpp"
#include "actors/inquiry.hpp"
#include "actors/membership.hpp"
#include "actors/peer_client.hpp"
#include "actors/reader.hpp"
#include "actors/resolver.hpp"
#include "actors/storage.hpp"
#include "actors/verifier.hpp"
#include "node/abilities.hpp"
#include "system/log.hpp"
#include "system/random.hpp"
#include "wire/envelope.hpp"

#include <caf/send.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

namespace starling::node {

namespace {

replication::session_id session_of(const membership::session_id& one) {
  return {one.bits};
}

/// Who may bring back what the disk had lost, if it has.
std::optional<keyspace::rescuers> rescuers_of(const home& at) {
  if (at.lost.empty())
    return std::nullopt;
  keyspace::rescuers result;
  for (const auto& one : at.rescuers)
    result.emplace(to_string(one.id),
                   keyspace::rescuer{one.was_alive, one.kept_since
                                                        ? std::optional{session_of(*one.kept_since)}
                                                        : std::nullopt});
  return result;
}

// What leaving may take beyond the time that the others are given to acknowledge it.
constexpr auto leave_time_more = std::chrono::seconds{1};

// Between two attempts to hand on what peers lack.
constexpr auto hand_on_pause = std::chrono::milliseconds{100};

// At a stop, for an actor to handle what is in its mailbox.
constexpr auto handling_time_max = std::chrono::seconds{2};

crdt::lww_register::stamp wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  return us > 0 ? static_cast<crdt::lww_register::stamp>(us) : 0;
}

/// How many are asked at a time what they know of this node.
constexpr std::size_t askers_max = 16;

constexpr std::size_t statement_bytes_max = 4096;

/// Addresses but for this node's own.
std::vector<std::string> others_of(std::vector<std::string> addresses, const config::options& o) {
  std::erase(addresses, o.cluster.advertise);
  return addresses;
}

/// Whether events may be numbered under the replica id although nobody has said what he knows.
bool is_certain(const config::options& o, const home& at) {
  return !at.rows || at.has_fresh_id ||
         (others_of(o.cluster.seeds, o).empty() &&
          others_of(membership::addresses_of(at.members), o).empty());
}

/// Larger sets stay on the disk, but for the rows that are needed.
constexpr std::uint64_t whole_value_bytes = 64 << 10;

} // namespace

std::size_t peer_message_bytes_max(const config::options& o) {
  constexpr std::size_t around = 4096; // sessions, one key, lengths
  constexpr std::size_t member_bytes_max = membership::member_bytes_max + 10; // with its age
  constexpr auto tallies = replication::tallies::most * replication::tally_bytes_max;
  return std::max({o.gossip.max_message + tallies, replication::repair_message_bytes_min + tallies,
                   (o.swim.max_members + o.swim.max_dead) * member_bytes_max}) +
         around + wire::envelope_size;
}

node::node(caf::actor_system& sys, const config::options& o, const home& at,
           std::function<void()> start_again)
    : sys_(sys), socket_(sys, o.cluster.max_datagrams),
      socket_failure_(socket_.open(*membership::parse_endpoint(o.cluster.listen))),
      leave_timeout_(std::chrono::ceil<std::chrono::milliseconds>(o.swim.leave_timeout)),
      hand_on_timeout_(o.gossip.leave_timeout), stop_timeout_(o.gossip.stop_timeout),
      rows_(at.rows) {
  const auto& who = at.who;
  const auto digests = digester_of(o);
  if (rows_)
    start_storage(o, at, digests, std::move(start_again));
  const wire::secret secret{o.cluster.name, o.cluster.key};
  peers_ = actors::spawn_peer_client(sys, {.secret = secret,
                                           .timeout = o.cluster.peer_timeout,
                                           .answer_bytes_max = peer_message_bytes_max(o),
                                           .workers = o.cluster.peer_clients,
                                           .stop = stop_.get_token()});
  resolver_ = actors::spawn_resolver(sys, socket_.family());
  // Seeds are asked over TCP, from any address of this machine.
  seed_resolver_ = actors::spawn_resolver(sys, system::address_family::both);
  membership_ = actors::spawn_membership(
      sys,
      {.self = {.id = who.node,
                .generation = who.generation,
                .wall_clock = who.started,
                .session = who.session,
                .address = o.cluster.advertise,
                .name = o.node.name,
                .http_address = o.http.advertise,
                .last_generation = who.last_generation,
                .abilities = own_abilities()},
       .settings = o.swim,
       .secret = secret,
       .seeds = o.cluster.seeds,
       .random_seed = system::random_bits(),
       .peers = peers_,
       .resolver = resolver_,
       .seed_resolver = seed_resolver_,
       .is_for_others = !membership::is_loopback(*membership::parse_endpoint(o.cluster.listen)) &&
                        !membership::is_loopback(*membership::parse_endpoint(o.cluster.advertise)),
       .resolve_interval = o.cluster.resolve_interval,
       .resolve_retry = o.cluster.resolve_retry,
       .send = [this](const auto& to, auto bytes) { socket_.send(to, bytes); },
       .take = [this] { return socket_.take(); },
       .renamed =
           [file = o.node.identity_file](const auto& id, std::uint64_t generation) {
             if (file.empty())
               return;
             if (const auto failure = keep_identity(file, id, generation))
               log::error("node", "node.identity-file: {}", *failure);
           },
       .remembered = at.members,
       .remember =
           [this](const auto& members) {
             if (storage_)
               caf::anon_send(storage_, actors::members_atom_v, membership::encode(members));
           },
       .doubted =
           [this, id = who.replica] {
             if (storage_)
               caf::anon_send(storage_, actors::renew_atom_v, id,
                              storage::renewal{storage::renewal::cause::set_back,
                                               "another node has, or had later, what is on its "
                                               "disk"});
           }});
  backup_ = actors::spawn_backup(sys, copier_);
  gossip_ = actors::spawn_gossip(
      sys,
      {.session = {who.session.bits},
       .limits = {.message_bytes = o.gossip.max_message,
                  .log_bytes = o.gossip.max_log,
                  .fanout = o.gossip.fanout,
                  .pieces_bytes = o.gossip.max_value},
       .digests = digests,
       .interval = o.gossip.interval,
       .prompt_delay = o.gossip.prompt_delay,
       .random_seed = system::random_bits(),
       .peers = peers_,
       .membership = membership_,
       .reader = reader(),
       .disk = at.lost.empty() ? actors::storage_actor{} : storage_,
       .rescuers = rescuers_of(at),
       .kept_since = at.kept_since,
       .own = rows_ ? std::optional{replication::tally{who.replica, at.changes}} : std::nullopt,
       .former = at.former,
       .witnesses = at.witnesses,
       .is_certain = is_certain(o, at),
       .others = at.tallies,
       .storage = storage_});
  auto* awake_bytes = sys.metrics().gauge_singleton(
      "starling", "keys.awake-bytes", "What keys hold that have an actor, about, in bytes.");
  const auto lost = at.lost.empty() ? nullptr : std::make_shared<const storage::lost_keys>(at.lost);
  std::vector<actors::shard_actor> shards;
  for (std::size_t i = 0; i < o.keys.shards; ++i)
    // Half of what a node takes from its peers, so that they take what clients may write here.
    shards.push_back(actors::spawn_shard(
        sys, {.keys = {.replica = who.replica,
                       .now = wall_clock,
                       .value_bytes_max = o.gossip.max_value / 2,
                       .digests = digests,
                       .gossip = gossip_,
                       .disk = storage_,
                       .reader = readers_.empty() ? actors::reader_actor{}
                                                  : readers_[i % readers_.size()],
                       .rows = rows_,
                       .whole_bytes = whole_value_bytes,
                       .awake_bytes = awake_bytes},
              .may_number = is_certain(o, at),
              .lost = lost,
              .awake_max = std::max<std::size_t>(o.keys.max_awake / o.keys.shards, 1),
              .awake_bytes_max = static_cast<std::int64_t>(o.keys.max_awake_bytes),
              .rest_after = o.keys.rest_after}));
  shards_ = actors::shard_map{shards};
  if (storage_) {
    std::vector<actors::numbering_actor> told{shards.begin(), shards.end()};
    told.emplace_back(gossip_);
    caf::anon_send(storage_, actors::shards_atom_v, std::move(told));
  }
  caf::anon_send(gossip_, actors::shards_atom_v, std::move(shards));
  caf::anon_send(membership_, actors::watch_atom_v, gossip_);
  if (!is_certain(o, at))
    ask_others_ = [this, o, who = at.who, changes = at.changes,
                   witnesses = std::set(at.witnesses.begin(), at.witnesses.end()),
                   members = membership::addresses_of(at.members)] {
      start_inquiry(o, who, changes, witnesses, others_of(members, o));
    };
}

void node::start_inquiry(const config::options& o, const identity& who, std::uint64_t changes,
                         const std::set<replication::session_id>& witnesses,
                         const std::vector<std::string>& members) {
  const auto seeds = others_of(o.cluster.seeds, o);
  auto askers = actors::spawn_peer_client(
      sys_, {.secret = wire::secret{o.cluster.name, o.cluster.key},
             .timeout = o.node.confirm_timeout,
             .answer_bytes_max = statement_bytes_max,
             .workers = std::min(seeds.size() + members.size(), askers_max),
             .stop = stop_.get_token()});
  inquiry_ = actors::spawn_inquiry(sys_, {.replica = who.replica,
                                          .changes = changes,
                                          .session = {who.session.bits},
                                          .witnesses = witnesses,
                                          .members = members,
                                          .seeds = seeds,
                                          .peers = std::move(askers),
                                          .resolver = seed_resolver_,
                                          .disk = storage_,
                                          .gossip = gossip_,
                                          .timeout = o.node.confirm_timeout});
}

void node::start_storage(const config::options& o, const home& at,
                         const replication::digester& digests, std::function<void()> start_again) {
  storage_ = actors::spawn_storage(sys_, {.rows = rows_,
                                          .seen = at.seen,
                                          .replica = at.who.replica,
                                          .session = session_of(at.who.session),
                                          .changes = at.changes,
                                          .former = at.former,
                                          .is_confirmed = is_certain(o, at),
                                          .renewed = at.renewed,
                                          .level = actors::durability_of(o.storage.durability),
                                          .batch_interval = o.storage.batch_interval,
                                          .is_mending = !at.lost.empty(),
                                          .were_rows_removed = at.were_rows_removed,
                                          .failure = at.cannot_write,
                                          .folder = at.folder ? at.folder->path() : "",
                                          .room_bytes = 2 * o.storage.write_buffer + at.room_needed,
                                          .retry_interval = o.storage.retry_interval,
                                          .start_again = std::move(start_again)});
  for (std::size_t i = 0; i < o.storage.readers; ++i)
    readers_.push_back(actors::spawn_reader(
        sys_,
        {.rows = rows_, .whole_bytes = whole_value_bytes, .digests = digests, .disk = storage_}));
  if (o.storage.verify_interval.count() > 0)
    verifier_ = actors::spawn_verifier(
        sys_, {.rows = rows_, .disk = storage_, .interval = o.storage.verify_interval});
  copier_ = actors::spawn_copier(sys_, rows_, o.node.identity_file);
}

std::optional<std::string> node::start() {
  if (socket_failure_)
    return socket_failure_;
  socket_.start(membership_);
  caf::anon_send(membership_, actors::start_atom_v);
  if (ask_others_)
    ask_others_();
  return std::nullopt;
}

actors::leave_report node::leave() {
  actors::leave_report result{.lacking = lacking_after_handing_on()};
  if (result.lacking > 0)
    return result;
  const auto came = actors::ask_for<actors::leave_report>(leave_timeout_ + leave_time_more, sys_,
                                                          membership_, actors::leave_atom_v);
  if (!came) {
    log::error("node", "cannot leave: {}", to_string(came.error()));
    return result;
  }
  result = *came;
  result.left = true;
  return result;
}

/// One attempt ends when each peer has answered or failed once, also those that lack nothing, for
/// they may have lost something meanwhile. A peer that failed may come back in the time that there
/// is, or be found dead: then the other peers have what it lacks, if there are others.
std::uint64_t node::lacking_after_handing_on() {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + hand_on_timeout_;
  const auto before = lacking_peers().all;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
    hand_on(actors::leave_atom_v, std::max(left, std::chrono::milliseconds{1}));
    const auto [peers, lacking] = lacking_peers();
    if (lacking == 0 && (before == 0 || peers > 0))
      return 0;
    if (has_stopped_gossip_ || steady_clock::now() + hand_on_pause >= end)
      return lacking > 0 ? lacking : before;
    std::this_thread::sleep_for(hand_on_pause);
  }
}

template <class Atom>
void node::hand_on(Atom how, std::chrono::milliseconds most) {
  const auto came = actors::ask_for<std::monostate>(most, sys_, gossip_, how);
  if (!came)
    log::warn("node", "not every peer has everything, after all the time there is");
}

/// Waits until an actor has handled what was told to it before, for an actor that ends drops it.
template <class Report, class Actor>
void node::let_handle(const Actor& actor) {
  if (!actors::ask_for<Report>(handling_time_max, sys_, actor, actors::report_atom_v))
    log::warn("node", "not all that was to be noted at the end may be on the disk");
}

node::peer_count node::lacking_peers() {
  const auto came = actors::ask<actors::gossip_report>(sys_, gossip_, actors::report_atom_v);
  const auto* report = std::get_if<actors::gossip_report>(&came);
  if (!report)
    return {1, 1}; // it has ended: a stop came between
  const auto& peers = report->peers;
  const auto lacking =
      std::ranges::count_if(peers, [](const auto& p) { return p.is_lacking() || p.is_mending; });
  // A peer that has met damage, or has not answered, may not keep what it was given. One that does
  // not read a type of ours was not given its keys. Nor was anybody given what this node cannot
  // read itself.
  const bool has_unknown = report->unknown_keys > 0;
  const bool has_heir = std::ranges::any_of(peers, [](const auto& p) { return p.is_whole; });
  if (lacking == 0 && (has_unknown || !has_heir))
    return {peers.size(), peers.size()};
  return {peers.size(), static_cast<std::uint64_t>(lacking)};
}

node::~node() {
  stop();
}

void node::stop_gossip() {
  if (has_stopped_gossip_.exchange(true))
    return;
  hand_on(actors::flush_atom_v, stop_timeout_);
  actors::end_before_the_rest(gossip_);
  actors::wait_for_end(gossip_);
}

void node::stop() {
  if (!gossip_)
    return;
  stop_gossip();
  socket_.stop();
  stop_.request_stop();
  const auto end = [&](auto& actor) {
    actors::end_before_the_rest(actor);
    actors::wait_for_end(actor);
    actor = nullptr;
  };
  // What the gossip told them last is kept on the disk: who had all, and how far others got.
  let_handle<actors::membership_report>(membership_);
  end(membership_);
  if (inquiry_)
    end(inquiry_);
  gossip_ = nullptr;
  for (auto shard : shards_.all())
    end(shard);
  shards_ = actors::shard_map{{}};
  for (auto& reader : readers_)
    end(reader);
  if (verifier_)
    end(verifier_);
  if (storage_) {
    let_handle<actors::storage_report>(storage_);
    end(storage_);
    if (const auto why = storage::close_in_order(*rows_))
      log::warn("node", "the next life will number its events anew: {}", why->what);
  }
  end(peers_);
  const auto came = actors::ask<actors::backup_report>(sys_, backup_, actors::report_atom_v);
  if (const auto* backup = std::get_if<actors::backup_report>(&came))
    is_copying_ = backup->state == actors::backup_state::running;
  end(backup_);
  const auto end_in_its_time = [&](auto& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    actor = nullptr;
  };
  end_in_its_time(resolver_);
  end_in_its_time(seed_resolver_);
  if (copier_)
    end_in_its_time(copier_);
}

} // namespace starling::node
