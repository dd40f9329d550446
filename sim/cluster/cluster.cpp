#include "sim/cluster/cluster.hpp"

#include "sim/cluster/requests.hpp"
#include "storage/identity.hpp"
#include "storage/kept_since.hpp"
#include "storage/salvage.hpp"
#include "storage/tally_rows.hpp"
#include "storage/witnesses.hpp"
#include "tests/storage/holed_snapshot.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace starling::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Independent sources of randomness of a run; the world has those below.
enum stream : std::uint64_t {
  cluster_stream = 3000,
  size_stream,
  replica_streams = 4000,
  machine_streams = 8000,
  disk_streams = 12'000
};

/// Where datagrams of gossip go, on any host. No membership core listens there.
constexpr std::uint16_t gossip_port = 1;

constexpr duration look_up_time = milliseconds{2};

constexpr duration rush_interval = seconds{4};
constexpr duration rush_length = milliseconds{60};
constexpr std::size_t rush_requests = 3;

/// By then a node has counted that it was started.
constexpr std::uint64_t rounds_until_counted = 3;

/// By then a cluster in which nothing goes wrong any more has exchanged everything.
constexpr duration quiet_within = minutes{5};
constexpr duration quiet_for = milliseconds{500};

/// What a replica has of some keys.
std::map<crdt::key, crdt::value> those_of(const replica& r, const storage::lost_keys& lost) {
  std::map<crdt::key, crdt::value> result;
  for (const auto& key : r.keys())
    if (lost.contains(key))
      result.emplace(key, r.value_of(key));
  return result;
}

/// Who may bring back what a disk had lost.
keyspace::rescuers rescuers_in(const storage::snapshot& at) {
  keyspace::rescuers result;
  const auto row = std::get<0>(at.find(storage::rescuers_row()));
  if (!row)
    return result;
  const auto members = std::get<0>(membership::decode_remembered(*row));
  for (const auto& one : members) {
    auto& rescuer = result[to_string(one.id)];
    rescuer.was_alive = one.was_alive;
    if (one.kept_since)
      rescuer.kept_since = session_id{one.kept_since->bits};
  }
  return result;
}

/// Whether a fault of this kind ends a process, or what it can do, from one moment to the next.
bool ends_processes(fault_kind k) {
  return k == fault_kind::crash || k == fault_kind::crash_for_good ||
         k == fault_kind::move_restart || k == fault_kind::mass_restart ||
         k == fault_kind::disk_full || k == fault_kind::disk_damage || k == fault_kind::set_back;
}

/// Fewer nodes than a world has on its own: gossip among many is much of the same. And nobody
/// forgets the dead too soon, for then some members may never find each other again, whatever
/// gossip does.
run_options world_for(run_options options) {
  options.without.set(static_cast<std::size_t>(fault_kind::short_memory));
  dice random{options.seed, size_stream};
  const auto one = random.below(7);
  const auto other = random.below(7);
  const auto many = random.below(15);
  const auto few = random.chance(0.5) ? one : std::min(one, other);
  const auto drawn = 2 + (random.chance(0.05) ? many : few);
  if (!options.nodes)
    options.nodes = drawn;
  return options;
}

} // namespace

cluster::cluster(const run_options& options)
    : options_(options), random_(options.seed, cluster_stream),
      world_(world_for(options), this), around_{.time = world_.time(),
                                                .log = world_.log(),
                                                .past = past_,
                                                .limits = {},
                                                .digests = replication::digester{{}},
                                                .interval = {},
                                                .prompt_delay = {},
                                                .whole_bytes = 0,
                                                .post = {},
                                                .reads_states = {},
                                                .call_on = {}} {
  constexpr std::array message_bytes{40, 100, 300, 2000, 256 * 1024};
  constexpr std::array whole_value_bytes{0, 50, 100, 16 * 1024};
  constexpr std::array log_bytes{1, 2000, 7000, 50'000, 1 << 20, 1 << 20};
  // Among many a log that reaches back to nobody makes for little but states.
  constexpr std::size_t few_nodes = 6;
  constexpr std::size_t log_bytes_of_many = 14'000;
  constexpr std::array whole_bytes{0, 0, 40, 200, 1 << 20};
  constexpr std::array shares{0.0, 0.5, 0.5, 1.0, 1.0};
  constexpr std::array careful{0.0, 0.7, 1.0, 1.0};
  around_.limits.message_bytes = static_cast<std::size_t>(random_.one_of(message_bytes));
  around_.limits.whole_value_bytes = static_cast<std::size_t>(random_.one_of(whole_value_bytes));
  around_.limits.audits = random_.chance(0.3); // they would hide what else goes wrong
  around_.limits.log_bytes = static_cast<std::size_t>(random_.one_of(log_bytes));
  if (nodes() > few_nodes)
    around_.limits.log_bytes = std::max(around_.limits.log_bytes, log_bytes_of_many);
  around_.interval = random_.between(milliseconds{100}, milliseconds{1200});
  around_.whole_bytes = static_cast<std::uint64_t>(random_.one_of(whole_bytes));
  share_of_disks_ = random_.one_of(shares);
  share_of_careful_ = random_.one_of(careful);
  has_connections_ = random_.chance(0.25);
  call_timeout_ = random_.between(milliseconds{300}, seconds{5});
  pace_ = random_.between(milliseconds{200}, seconds{2});
  names_ = 1 + random_.below(4);
  constexpr std::array prompt_delays{0, 0, 10, 100};
  constexpr std::array pieces_bytes{700, 1 << 20, 1 << 20}; // some sets become larger than that
  around_.prompt_delay = milliseconds{random_.one_of(prompt_delays)};
  // Registers must fit, with what is told beside them of each id that numbered events.
  constexpr std::size_t ids_of_a_node = 6;
  around_.limits.pieces_bytes = static_cast<std::size_t>(random_.one_of(pieces_bytes)) +
                                nodes() * ids_of_a_node * replication::tally_bytes_max;
  around_.post = [this](replica& from, session_id peer, const std::string& address,
                        std::string bytes) { post(from, peer, address, std::move(bytes)); };
  around_.ask = [this](replica& from, const std::string& address) {
    send({.from = &from, .asked = address}, address, replication::encode_question(from.self()));
  };
  around_.confirms = [this](const replica& r) { return check_confirmation(r); };
  around_.renews = [this](const replica& r, const crdt::replica_id& id, bool shows_loss) {
    auto* there = drive_of(r.in());
    there->ids.insert(id);
    there->kept_since.insert(r.session());
    there->renewal = {id, shows_loss};
  };
  around_.reads_states = [this](replica& r) { rush(r); };
  around_.has_holder = [this](const replica& r, session_id holder, const values& all) {
    check_holder(r, holder, all);
  };
  around_.opens = [this](const replica& r) { check_opening(r); };
  around_.call_on = [this](process& p, const std::string& address) { world_.call_on(p, address); };
  auto& net = world_.net();
  net.receive = [this, others = std::move(net.receive)](const datagram& d) {
    if (d.to.port != gossip_port)
      others(d);
    else if (!d.spoiled)
      deliver(*static_cast<const parcel*>(d.note.get()), *d.bytes);
  };
}

void cluster::run() {
  request_soon();
  for (const auto& f : faults())
    if (ends_processes(f.kind))
      rush_before(f);
  world_.run();
}

// -- what the world tells --

void cluster::starts(process& p) {
  const auto high = random_.bits();
  const auto low = random_.bits();
  const auto home = move_in(p, crdt::replica_id::from(high, low));
  started_[p.born.number] = now();
  replicas_.resize(std::max(replicas_.size(), p.born.number + 1));
  auto& there = replicas_[p.born.number];
  auto around = around_;
  around.limits.ours = {.speaks = p.born.self.abilities.speaks, .reads = read_by(p)};
  there = std::make_unique<replica>(p, world_.name(p), around, home,
                                    dice{options_.seed, replica_streams + p.born.number});
  give_chance(*there);
  there->start();
  if (log().listens())
    world_.log().tell(world_.name(p) + " has " + std::to_string(there->keys().size()) +
                      " keys as replica " + to_string(home.self).substr(0, 8) +
                      (home.rows == nullptr ? ", no disk"
                       : home.is_careful    ? ", a careful disk"
                                            : ", a careless disk"));
}

void cluster::ends(process& p) {
  auto* kept = drive_of(p);
  if (kept == nullptr)
    return;
  auto& r = *replicas_[p.born.number];
  kept->node = p.core.self().id;
  bool is_in_order = p.core.is_leaving() || random_.chance(0.2);
  if (is_in_order) {
    r.stop();
    is_in_order = !storage::close_in_order(*kept->rows);
  }
  const bool power_fails = random_.chance(0.4);
  kept->is_whole = r.end(power_fails);
  kept->keeps_id = kept->is_careful || is_in_order;
  if (!kept->is_whole) {
    kept->lost_at = now();
    kept->ids.clear();
    kept->kept_since.clear();
  }
  world_.log().weigh("R10");
  if (!kept->is_whole && kept->keeps_id)
    world_.log().complain("R10", world_.name(p), "was certain of what is lost");
  if (log().listens())
    world_.log().tell(world_.name(p) + (is_in_order ? " stopped in order" : " was killed") +
                      (power_fails ? ", and the power fails" : "") +
                      (kept->is_whole ? "" : ": something is lost"));
}

void cluster::disk_fills(process& p) {
  if (auto* full = drive_of(p))
    full->rows->fill();
}

void cluster::disk_decays(process& p, bool goes_on) {
  auto* kept = drive_of(p);
  if (kept == nullptr)
    return;
  kept->is_damaged = true;
  const auto rows = kept->rows->contents();
  if (goes_on && !rows.empty())
    kept->rows->damage(draw_holes(rows));
}

void cluster::disk_is_copied(process& p, bool is_idle) {
  const auto* copied = drive_of(p);
  if (copied == nullptr)
    return;
  backups_[p.born.machine] = {p.core.self().id, copied->rows->contents(), now(), copied->lost_at};
  if (is_idle)
    idle_.insert(p.born.machine);
}

void cluster::disk_goes_back(process& p) {
  idle_.erase(p.born.machine);
  if (auto* kept = drive_of(p))
    kept->goes_back = true;
}

void cluster::disk_is_removed(process& p) {
  if (auto* kept = drive_of(p))
    kept->is_removed = true;
}

void cluster::hears(process& p, const membership::event& e) {
  // Of a member that was not known to live it is heard without an event that it has left.
  const bool heard_of_others =
      e.who.id != p.core.self().id || std::ranges::any_of(p.core.peers(), [](const auto& peer) {
        return peer.record->status.is == membership::member_state::left;
      });
  if (auto* there = drive_of(p); there != nullptr && heard_of_others)
    there->knew_somebody = false;
  replicas_[p.born.number]->hears(e);
}

void cluster::faults_end() {
  are_faults_over_ = true;
  for (const auto* r : members(0))
    for (const auto& key : r->keys())
      held_.try_emplace(key, key.type).first->second.join(r->value_of(key));
}

/// Where there is a disk, all types: there may be rows of them. Then some say of themselves that
/// they read less than they do, until they are heard.
replication::type_set cluster::read_by(const process& p) const {
  return has_disk(p) ? replication::type_set::known() : types_read_by(p.born.self.abilities);
}

// -- disks --

bool cluster::has_disk(const process& p) const {
  return dice{options_.seed, machine_streams + p.born.machine}.chance(share_of_disks_);
}

/// That of the machine it runs on; nothing if it has none.
cluster::drive* cluster::drive_of(const process& p) {
  const auto found = drives_.find(p.born.machine);
  return found == drives_.end() ? nullptr : &found->second;
}

cluster::drive cluster::make_drive(const process& p, disk::rows rows) {
  const auto number = ++drives_made_;
  return {.node = p.born.self.id,
          .rows =
              std::make_unique<disk>(dice{options_.seed, disk_streams + number}, std::move(rows)),
          .number = number,
          .lost_at = now()};
}

/// Puts an older copy in the place of a disk: its marker file is another one, or was left in place.
/// A node that knows nobody to ask is given another identity, as docs/operations.md says.
void cluster::set_back(drive& d, const process& p, const backup& to) {
  const auto number = d.number;
  const bool is_in_place = random_.chance(0.5) || d.goes_back;
  d = make_drive(p, to.rows);
  if (!is_in_place || others_of(p, *d.rows->now()).empty())
    return;
  d.number = number;
  d.lost_at = to.lost_at; // it does not know better
  d.is_as_of = to.taken;
  d.went_back = now();
  d.is_set_back = true;
  if (log().listens())
    world_.log().tell(world_.name(p) + " is set back in place");
}

/// Finds out what a process has to go on with, and as whom.
replica::home cluster::move_in(process& p, const crdt::replica_id& fresh) {
  dice of_machine{options_.seed, machine_streams + p.born.machine};
  if (!of_machine.chance(share_of_disks_))
    return {fresh};
  auto* kept = drive_of(p);
  if (kept == nullptr || kept->node != p.born.self.id) {
    disk::rows rows;
    for (const auto* other : running(p.born.cluster)) // a copy of a machine has a copy of its disk
      if (auto* theirs = drive_of(other->in());
          theirs != nullptr && other->in().core.self().id == p.born.self.id)
        rows = theirs->rows->contents();
    kept = &drives_.insert_or_assign(p.born.machine, make_drive(p, std::move(rows))).first->second;
  }
  const auto copy = backups_.find(p.born.machine);
  if (copy != backups_.end() && copy->second.node == p.born.self.id &&
      (random_.chance(0.25) || kept->goes_back))
    set_back(*kept, p, copy->second);
  else if (kept->is_removed)
    *kept = make_drive(p, {});
  kept->goes_back = kept->is_removed = false;
  if (std::exchange(kept->is_damaged, false))
    damage_rows(*kept);
  if (storage::renew_digests(*kept->rows, around_.digests))
    world_.log().complain("R10", world_.name(p), "does not believe its digests");
  const auto lost = std::get<storage::lost_keys>(storage::read_lost_keys(*kept->rows->now()));
  const bool is_careful = of_machine.chance(share_of_careful_) != random_.chance(0.1);
  const storage::evidence seen{.format_file = {.inode = kept->number}};
  const auto taken_up = storage::adopt_replica(*kept->rows, seen, is_careful, fresh);
  if (!taken_up) {
    world_.log().complain("R10", world_.name(p), "cannot read who it was");
    return {fresh};
  }
  const auto* self = &taken_up->id;
  if (const auto given_up = std::exchange(kept->renewal, {}); given_up.to == *self) {
    kept->set_back.reset();
    kept->believes_old_copy = kept->believes_old_copy && !given_up.shows_loss;
  }
  if (std::exchange(kept->is_set_back, false) && !taken_up->is_fresh) {
    kept->set_back = *self;
    kept->believes_old_copy = true;
    forgetful_.insert(*self);
  }
  if (taken_up->is_fresh)
    kept->believes_old_copy = false;
  world_.log().weigh("R10");
  if (*self != fresh && kept->set_back != *self &&
      (!kept->ids.contains(*self) || !kept->is_whole || is_running(*self)))
    world_.log().complain("R10", world_.name(p), "goes on from an older state under its id");
  if (*self == fresh && kept->keeps_id)
    world_.log().complain("R10", world_.name(p), "gives up its id for no reason");
  kept->is_careful = is_careful;
  kept->is_whole = true;
  kept->keeps_id = false;
  if (kept->set_back != *self)
    kept->ids.insert(*self);
  replica::home result{
      .self = *self, .rows = kept->rows.get(), .is_careful = is_careful, .lost = lost};
  result.kept_since = adopt_kept_since(*kept, p);
  if (!lost.empty()) {
    result.rescuers = rescuers_in(*kept->rows->now());
    expect(p, lost, *result.rescuers);
  }
  result.seen = seen;
  const auto at = kept->rows->now();
  result.changes = std::get<std::uint64_t>(storage::read_own_changes(*at));
  result.witnesses = std::get<0>(storage::read_witnesses(*at));
  result.former = std::get<0>(storage::read_former_ids(*at));
  result.tallies = std::get<std::vector<replication::tally>>(storage::read_tallies(*at));
  result.others = others_of(p, *at);
  if (const auto row = std::get<0>(at->find(storage::members_row())))
    result.members = std::get<0>(membership::decode_remembered(*row));
  check_remembered(p, *kept, result.members);
  result.is_certain = taken_up->is_fresh || result.others.empty();
  return result;
}

/// Whoever meets nobody in a life must know in the next one whom to ask.
void cluster::check_remembered(const process& p, drive& d,
                               const std::vector<membership::remembered_member>& members) {
  world_.log().weigh("R11");
  if (d.knew_somebody && members.empty())
    world_.log().complain("R11", world_.name(p), "has forgotten whom it knew, alone");
  d.knew_somebody = !members.empty();
}

/// The addresses of others that a process knows when it starts.
std::vector<std::string> cluster::others_of(const process& p, const storage::snapshot& at) const {
  auto result = p.born.seeds;
  if (const auto row = std::get<0>(at.find(storage::members_row())))
    for (const auto& address :
         membership::addresses_of(std::get<0>(membership::decode_remembered(*row))))
      result.push_back(address);
  std::erase(result, p.born.self.address);
  return result;
}

disk::holes cluster::draw_holes(const disk::rows& rows) {
  disk::holes result;
  for (auto left = 1 + random_.below(2); left > 0; --left) {
    const auto first = random_.one_of(rows).first;
    const auto last = random_.chance(0.5) ? first : random_.one_of(rows).first;
    result.push_back({std::min(first, last), std::max(first, last) + '\0'});
  }
  return result;
}

/// Some of its rows cannot be read any more, or are missing while newer ones are there: what is
/// whole is saved.
void cluster::damage_rows(drive& d) {
  const auto holes = d.rows->damaged();
  const bool is_patchwork = holes.empty() && random_.chance(0.5);
  const auto rows = is_patchwork ? d.rows->patchwork() : d.rows->contents();
  if (rows.empty() && !is_patchwork)
    return;
  storage::holed_snapshot damaged{rows};
  if (!is_patchwork)
    for (const auto& one : holes.empty() ? draw_holes(rows) : holes)
      damaged.add(one);
  storage::memory_store saved;
  const auto result = storage::salvage({damaged}, saved, around_.digests,
                                       is_patchwork ? storage::loss::silent : storage::loss::fails);
  world_.log().weigh("R10");
  if (std::holds_alternative<storage::failure>(result))
    world_.log().complain("R10", "a disk", "cannot be salvaged");
  else if (log().listens())
    world_.log().tell((is_patchwork ? "rows are missing: " : "a disk is damaged: ") +
                      std::to_string(std::get<storage::salvaged>(result).kept) + " keys are whole");
  d.rows = std::make_unique<disk>(dice{random_.bits()}, saved.contents());
  d.ids.clear();
  d.is_whole = d.keeps_id = false;
  d.knew_somebody = false;
  d.lost_at = now();
  d.kept_since.clear();
}

/// Since when the process has lost nothing, as it finds and says.
session_id cluster::adopt_kept_since(drive& d, const process& p) {
  const session_id present{p.born.self.session.bits};
  const auto result = std::get<session_id>(storage::adopt_kept_since(*d.rows, present));
  world_.log().weigh("R11");
  if (result != present && !d.kept_since.contains(result) && !d.set_back)
    world_.log().complain("R11", world_.name(p), "says that it kept what it has lost");
  d.kept_since.insert(result);
  return result;
}

void cluster::expect(const process& p, const storage::lost_keys& lost,
                     const keyspace::rescuers& who) {
  auto& chance = chances_[p.born.number];
  chance = {lost, who, losses_, {}};
  for (const auto* other : running(p.born.cluster))
    give_chance(chance, *other);
}

void cluster::give_chance(last_chance& chance, const replica& r) {
  const auto known = chance.who.find(to_string(r.in().core.self().id));
  if (known != chance.who.end() && known->second.kept_since == r.kept_since())
    chance.of_others.push_back(those_of(r, chance.lost));
}

/// Whoever starts may be the one who brings what others have lost.
void cluster::give_chance(const replica& r) {
  for (auto& [number, chance] : chances_)
    if (const auto& other = replicas_[number]->in(); other.is_running() &&
                                                     other.born.cluster == r.in().born.cluster &&
                                                     number != r.in().born.number)
      give_chance(chance, r);
}

void cluster::check_holder(const replica& r, session_id holder, const values& all) {
  if (losses_ > 0)
    return;
  world_.log().weigh("R11");
  for (const auto* other : running(r.in().born.cluster))
    if (other->session() == holder)
      for (const auto& [key, value] : all)
        if (other->value_of(key).join(value))
          world_.log().complain("R11", r.name(),
                                "says that " + other->name() + " had all, and " + to_text(key) +
                                    " is not there");
}

void cluster::check_opening(const replica& r) {
  const auto chance = std::move(chances_.extract(r.in().born.number).mapped());
  if (chance.losses != losses_)
    return;
  world_.log().weigh("R11");
  const auto is_here = [&r](const auto& one) { return !r.value_of(one.first).join(one.second); };
  if (std::ranges::none_of(chance.of_others, [&](const values& theirs) {
        return std::ranges::all_of(theirs, is_here);
      }))
    world_.log().complain("R11", r.name(), "opens keys that nobody has brought back");
}

bool cluster::is_running(const crdt::replica_id& id) const {
  return std::ranges::any_of(
      replicas_, [&](const auto& r) { return r && r->in().is_running() && r->self() == id; });
}

// -- clients --

void cluster::request_soon() {
  world_.time().after(random_.between(duration{0}, 2 * pace_), [this] {
    if (are_faults_over_)
      return;
    const auto there = running(0);
    if (!there.empty())
      for (auto left = random_.chance(0.1) ? random_.below(8) : 1; left > 0; --left)
        request(*random_.one_of(there));
    request_soon();
  });
}

/// Clients are busiest when it hurts: while states are on their way to somebody.
void cluster::rush(replica& r) {
  if (are_faults_over_ || now() < next_rush_ || r.in().born.cluster != 0)
    return;
  next_rush_ = now() + rush_interval;
  for (auto left = rush_requests; left > 0; --left)
    world_.time().after(random_.between(duration{0}, rush_length), [this, &r] {
      if (r.in().is_running() && !are_faults_over_)
        request(r);
    });
}

/// And when something is going to end in the middle of what they asked for.
void cluster::rush_before(const fault& f) {
  const bool is_of_all = f.kind == fault_kind::mass_restart;
  for (auto left = (is_of_all ? nodes() : 1) * rush_requests; left > 0; --left)
    world_.time().at(f.at - random_.between(duration{0}, rush_length),
                     [this, is_of_all, who = f.who] {
                       for (auto* r : running(0))
                         if (is_of_all ? random_.chance(1.0 / static_cast<double>(nodes()))
                                       : r->in().born.machine == who)
                           request(*r);
                     });
}

/// A client asks this node, some with what they read at any.
void cluster::request(replica& r) {
  if (idle_.contains(r.in().born.machine))
    return;
  auto key = draw_key(random_, names_);
  if (!r.reads(key.type))
    key.type = crdt::type::counter;
  if (around_.limits.audits && random_.chance(0.02))
    damage_one();
  if (const auto* copied = drive_of(r.in()); copied != nullptr && random_.chance(0.05))
    backups_[r.in().born.machine] = {r.in().core.self().id, copied->rows->contents(), now(),
                                     copied->lost_at};
  auto& other = *random_.one_of(running(0));
  const auto member = random_.chance(0.5) ? std::optional{draw_member(random_)} : std::nullopt;
  const auto write = [this, &r, key](const contexts* read) {
    const auto what = draw_command(random_, key.type, read);
    r.in().arrives(input{input_kind::other, nullptr}, [&r, key, what] { r.write(key, what); });
  };
  if (random_.chance(0.3))
    return write(nullptr);
  other.in().arrives(input{input_kind::other, nullptr}, [&other, key, member, write] {
    other.read(key, key.type == crdt::type::set ? member : std::nullopt, write);
  });
}

cluster::replicas cluster::running(std::size_t which) const {
  replicas result;
  for (const auto& r : replicas_)
    if (r && r->in().is_running() && r->in().born.cluster == which)
      result.push_back(r.get());
  return result;
}

// -- replica ids --

/// Whether somebody has events that another numbered and does not have any more. What clients alone
/// have told of does not count: no count comes along with it.
bool cluster::lacks_events(const replica& r, const replica& holder) const {
  return std::ranges::any_of(holder.keys(), [&](const crdt::key& key) {
    auto value = r.value_of(key);
    const auto news = value.join(past_.without_claims_of_clients(key, holder.value_of(key)));
    return news &&
           storage::shows_lost_events(
               *news, storage::held_value{key, std::move(value), around_.digests}, r.self());
  });
}

/// Whether nothing that it was told since then is lost.
bool cluster::knows_what_it_was_told_since(const replica& r, duration when) const {
  const auto own = drives_.find(r.in().born.machine);
  const auto lost_at = own == drives_.end() ? started_.at(r.in().born.number) : own->second.lost_at;
  return lost_at <= when;
}

void cluster::check_statement(const replica& asks, const replica& says,
                              const replication::statement& said) {
  const auto* theirs = drive_of(asks.in());
  if (!asks.in().is_running() || theirs == nullptr || &asks == &says)
    return;
  if (theirs->set_back != asks.self())
    return;
  if (said.changes > asks.changes_at_start() ||
      !knows_what_it_was_told_since(says, theirs->is_as_of))
    return;
  world_.log().weigh("R10");
  if (lacks_events(asks, says))
    world_.log().complain("R10", says.name(),
                          "has events of " + asks.name() + ", and says that it has none");
}

/// Somebody has an answer of another, which has been certain of its id for a while: by now others
/// hear from it that it was started.
void cluster::note_contact(const replica& asked, session_id answered, const std::string& bytes) {
  for (const auto& other : replicas_)
    if (other && other->session() == answered && other->in().is_running() &&
        other->certain_rounds() >= rounds_until_counted &&
        !met_[asked.in().born.number].contains({other->in().born.number, other->self()})) {
      const auto answer = replication::decode_answer(bytes);
      if (answer && answer->verdict == replication::verdict::joined)
        met_[asked.in().born.number].emplace(other->in().born.number, other->self());
    }
}

/// Of a life that the older copy does not tell of: it began after that, and before the copy was put
/// in its place. One that went on under another id counted under that.
bool cluster::knows_of_a_later_life(const replica& of, const replica& asked) const {
  const auto met = met_.find(asked.in().born.number);
  const auto machine = of.in().born.machine;
  const auto& there = drives_.at(machine);
  return asked.in().is_running() && met != met_.end() &&
         std::ranges::any_of(met->second, [&](const auto& life) {
           const auto& [number, id] = life;
           return replicas_[number]->in().born.machine == machine && id == of.self() &&
                  started_.at(number) > there.is_as_of && started_.at(number) < there.went_back;
         });
}

/// Nobody who answered knew that a disk was set back. If that is so because nobody could, the run
/// goes on as if its operator had.
bool cluster::check_confirmation(const replica& r) {
  const auto* there = drive_of(r.in());
  if (there != nullptr && there->believes_old_copy) {
    world_.log().weigh("R11");
    for (const auto* other : testifiers_[r.in().born.number])
      if (knows_of_a_later_life(r, *other))
        world_.log().complain("R11", r.name(),
                              "is taken for whole, and " + other->name() + " knew a later life");
  }
  if (there == nullptr || there->set_back != r.self())
    return true;
  world_.log().weigh("R10");
  const auto& heard = testifiers_[r.in().born.number];
  if (!heard.empty() && std::ranges::none_of(heard, [&](const replica* other) {
        return knows_what_it_was_told_since(*other, there->is_as_of);
      }))
    world_.log().complain("R10", r.name(),
                          "numbers on by the word of those who lost what they knew");
  if (!r.is_time_up())
    for (const auto& address : r.asked()->silent())
      if (const auto to = world_.resolve(address))
        if (auto* p = world_.listener_at(*to); p != nullptr &&
                                               p->born.cluster == r.in().born.cluster &&
                                               lacks_events(r, *replicas_[p->born.number]))
          world_.log().complain("R10", r.name(), "numbers on before it has heard those who know");
  return false;
}

// -- gossip --

void cluster::post(replica& from, session_id peer, const std::string& address, std::string bytes) {
  send({.from = &from, .peer = peer}, address, std::move(bytes));
}

void cluster::send(call c, const std::string& address, std::string bytes) {
  const auto number = ++last_call_;
  auto& p = c.from->in();
  calls_.emplace(number, std::move(c));
  const auto fail_after = [this, &p, number](duration wait) {
    world_.time().after(wait, [this, &p, number] {
      p.happens({input_kind::other, nullptr}, [this, number] { end_call(number, ""); });
    });
  };
  fail_after(call_timeout_);
  p.departs([this, &p, number, address, fail_after,
             content = std::make_shared<const std::string>(std::move(bytes))] {
    if (const auto to = world_.resolve(address))
      carry({.call = number, .is_answer = false, .from = p.where, .to = *to}, content);
    else
      fail_after(look_up_time);
  });
}

void cluster::carry(const parcel& p, std::shared_ptr<const std::string> bytes) {
  if (has_connections_)
    return world_.net().send_stream(p.from, p.to, [this, p, bytes] { deliver(p, *bytes); });
  world_.net().send({.from = p.from,
                     .to = {p.to.host, gossip_port},
                     .bytes = std::move(bytes),
                     .number = p.call,
                     .spoiled = false,
                     .note = std::make_shared<const parcel>(p)});
}

void cluster::deliver(const parcel& p, const std::string& bytes) {
  if (!p.is_answer)
    return ask(p, bytes);
  calls_.at(p.call).from->in().arrives(input{input_kind::other, nullptr},
                                       [this, number = p.call, bytes] { end_call(number, bytes); });
}

void cluster::ask(const parcel& p, const std::string& bytes) {
  auto* there = world_.listener_at(p.to);
  // Nobody, or somebody who does not know the key.
  if (there == nullptr || there->born.cluster != calls_.at(p.call).from->in().born.cluster)
    return reply(p, "");
  auto& asked = *replicas_[there->born.number];
  there->arrives(input{input_kind::other, nullptr}, [this, p, bytes, there, &asked] {
    if (const auto& question = calls_.at(p.call); !question.asked.empty()) {
      const auto said =
          asked.state(std::get<crdt::replica_id>(replication::decode_question(bytes)));
      check_statement(*question.from, asked, said);
      return there->departs([this, p, said] { reply(p, encode(said)); });
    }
    asked.receive(bytes, [this, p, there](const std::string& answer) {
      there->departs([this, p, answer] { reply(p, answer); });
    });
  });
}

/// Sends an answer; an empty one says that there is none.
void cluster::reply(const parcel& question, std::string bytes) {
  carry({.call = question.call, .is_answer = true, .from = question.to, .to = question.from},
        std::make_shared<const std::string>(std::move(bytes)));
}

/// The answer arrives, or it is clear that there will be none.
void cluster::end_call(std::uint64_t number, const std::string& answer) {
  auto& c = calls_.at(number);
  if (!c.asked.empty()) {
    if (std::exchange(c.is_over, true))
      return;
    if (answer.empty())
      return c.from->stated(c.asked, std::nullopt);
    const auto said = std::get<replication::statement>(replication::decode_statement(answer));
    for (const auto& other : replicas_)
      if (other && other->session() == said.from && other.get() != c.from)
        testifiers_[c.from->in().born.number].insert(other.get());
    return c.from->stated(c.asked, said);
  }
  if (!std::exchange(c.is_over, true)) {
    answer.empty() ? c.from->failed(c.peer) : c.from->answered(c.peer, answer);
    note_contact(*c.from, c.peer, answer);
  } else if (!answer.empty())
    c.from->answered_late(c.peer, answer);
}

// -- the end --

cluster::replicas cluster::members(std::size_t which) const {
  auto result = running(which);
  std::erase_if(result, [](const replica* r) { return r->in().core.is_leaving(); });
  return result;
}

bool cluster::is_done() {
  if (was_hopeless())
    return true;
  if (!agreed_since_)
    agreed_since_ = now();
  const auto ours = members(0);
  const auto rivals = members(1);
  std::string why;
  if (!is_quiet(ours, &why) || !is_quiet(rivals, &why)) {
    if (now() > *agreed_since_ + quiet_within) {
      if (around_.limits.audits)
        world_.log().complain("R9", "all", "do not mend what was lost");
      check_end(ours); // what is lost says more than that it goes on
      world_.log().complain("R6", "all", "do not become quiet: " + why);
    }
    return false;
  }
  check_end(ours);
  check_rivals(rivals);
  if (damaged_since_ || !around_.limits.audits || !damage(ours))
    return true;
  damaged_since_ = agreed_since_ = now();
  return false;
}

/// Lets a replica lose a set that it has from others: it would number its own events anew.
void cluster::damage_one() {
  auto& victim = *random_.one_of(running(0));
  std::vector<crdt::key> keys;
  for (const auto& key : victim.keys())
    if (key.type == crdt::type::set &&
        victim.value_of(key).as<crdt::or_set>().seen().last(victim.self()) == 0)
      keys.push_back(key);
  if (keys.empty() || !victim.lose(random_.one_of(keys)))
    return;
  ++losses_;
  forgetful_.insert(victim.self()); // of what it was told itself and had not passed on
  if (const auto* damaged = drive_of(victim.in()))
    forgetful_.insert(damaged->ids.begin(), damaged->ids.end());
}

/// Lets one member lose values that others have.
bool cluster::damage(const replicas& all) {
  if (all.size() < 2)
    return false;
  auto& victim = *random_.one_of(all);
  auto keys = victim.keys();
  std::erase_if(keys, [&](const crdt::key& key) {
    return std::ranges::none_of(
        all, [&](const replica* r) { return r != &victim && r->reads(key.type); });
  });
  if (keys.empty())
    return false;
  for (auto left = 1 + random_.below(3); left > 0; --left)
    losses_ += victim.lose(random_.one_of(keys)) ? 1 : 0;
  return true;
}

/// Whether each has everybody else for a peer, who lacks nothing, and nothing has happened for a
/// while.
bool cluster::is_quiet(const replicas& all, std::string* why) {
  std::set<session_id> sessions;
  for (const auto* r : all)
    sessions.insert(r->session());
  for (const auto* r : all) {
    auto expected = sessions;
    expected.erase(r->session());
    std::set<session_id> peers;
    for (const auto& peer : r->core().status()) {
      peers.insert(peer.peer);
      if (peer.is_lacking()) {
        *why = r->name() + " has a peer that lacks something";
        return false;
      }
    }
    if (peers != expected) {
      *why = r->name() + " has other peers than are there";
      return false;
    }
    if (around_.limits.audits) {
      world_.log().weigh("R9");
      // With all others: not all of them read the same.
      const auto other =
          std::ranges::find_if(all, [&](const replica* one) { return !are_equal(*r, *one); });
      if (other != all.end()) {
        *why = r->name() + " differs from " + (*other)->name();
        return false;
      }
    }
    if (r->last_activity() + quiet_for > now()) {
      *why = r->name() + " goes on";
      return false;
    }
  }
  return true;
}

/// Whether both have the same keys of the types that both read.
bool cluster::are_equal(const replica& a, const replica& b) {
  replication::type_set both;
  for (const auto type : crdt::types::ids)
    if (a.reads(type) && b.reads(type))
      both.insert(type);
  return a.core().tree(both).root() == b.core().tree(both).root();
}

void cluster::check_end(const replicas& all) {
  if (all.empty())
    return;
  auto keys = past_.keys();
  std::set<crdt::replica_id> kept;
  for (const auto* r : all) {
    kept.insert(r->self());
    if (const auto* there = drive_of(r->in()))
      kept.insert(there->ids.begin(), there->ids.end());
    replication::digest root;
    const auto own = r->keys();
    for (const auto& key : own) {
      keys.insert(key);
      root += around_.digests.digest_of(key, r->value_of(key));
    }
    world_.log().weigh("R3");
    if (r->core().tree().root() != root)
      world_.log().complain("R3", r->name(), "has digests of other values than it has");
    if (!r->has_only(own))
      world_.log().complain("R3", r->name(), "has other rows than those of its values");
    world_.log().weigh("R6");
    if (r->core().skipped() > 0)
      world_.log().complain("R6", r->name(), "was sent keys of a type that it does not know");
    if (r->core().log().size() != 0 || r->core().log().bytes() != 0)
      world_.log().complain("R6", r->name(), "keeps a log though nobody lacks anything");
  }
  for (const auto& id : forgetful_)
    kept.erase(id);
  for (const auto& key : keys) {
    const auto reader = std::ranges::find_if(all, [&](auto* r) { return r->reads(key.type); });
    if (reader == all.end())
      continue;
    const auto first = (*reader)->value_of(key);
    for (const auto* r : all) {
      world_.log().weigh("R3");
      if (!r->reads(key.type) && !r->value_of(key).empty())
        world_.log().complain("R3", r->name(), "has a key of a type that it does not know");
      if (r->reads(key.type) && r->value_of(key).encode() != first.encode())
        world_.log().complain("R3", r->name(),
                              "differs from " + (*reader)->name() + " in " + to_text(key));
    }
    past_.check_final(key, first, kept);
    if (const auto found = held_.find(key); found != held_.end()) {
      world_.log().weigh("R1");
      if (auto copy = first; copy.join(found->second))
        world_.log().complain("R1", to_text(key), "lacks what a replica held");
    }
  }
}

void cluster::check_rivals(const replicas& all) {
  for (const auto* r : all) {
    world_.log().weigh("R8");
    if (!r->keys().empty())
      world_.log().complain("R8", r->name(), "has what was written to another cluster");
  }
}

} // namespace starling::simulation
