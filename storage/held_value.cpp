#include "storage/held_value.hpp"

#include "crdt/seek.hpp"
#include "storage/event_index.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace starling::storage {

namespace {

std::vector<crdt::payload> members_of(const crdt::command& c) {
  const auto* change = std::get_if<crdt::set_change>(&c);
  return change != nullptr ? crdt::members_of(*change) : std::vector<crdt::payload>{};
}

std::uint64_t dead_in(const crdt::or_set::clock& clock) {
  return static_cast<std::uint64_t>(std::ranges::count(clock, false, &crdt::or_set::entry::live));
}

/// The clocks of the members of a set, one after the other.
class clocks_in_order {
public:
  explicit clocks_in_order(const crdt::or_set& set) : all_(set.clocks()), at_(all_.begin()) {}

  /// Empty without one. Costs least if the members come in ascending order.
  const crdt::or_set::clock& of(const crdt::payload& member) {
    static const crdt::or_set::clock none;
    at_ = crdt::seek(all_, at_, member);
    return at_ != all_.end() && at_->first == member ? at_->second : none;
  }

private:
  const crdt::or_set::clock_map& all_;
  crdt::or_set::clock_map::const_iterator at_;
};

bool is_less(const crdt::or_set::entry& a, const crdt::or_set::entry& b) {
  return std::tie(a.replica, a.number, a.live) < std::tie(b.replica, b.number, b.live);
}

/// An entry that comes or goes; in the order of the rows of the index.
struct changed_entry {
  crdt::or_set::entry entry;
  const crdt::payload* member;

  friend bool operator<(const changed_entry& a, const changed_entry& b) {
    return std::tie(a.entry.live, a.entry.replica, a.entry.number, *a.member) <
           std::tie(b.entry.live, b.entry.replica, b.entry.number, *b.member);
  }
};

/// Writes down the rows of a set that are different: the rows of members first, then those of the
/// index. A store takes rows that come in their order for much less than others.
class row_writer {
public:
  /// At most these members have changed, and they outlive this. Nothing is written if there is no
  /// batch.
  row_writer(const crdt::key& set, const std::vector<crdt::payload>& members, batch* changed)
      : names_(set), changed_(changed) {
    if (changed_ == nullptr || members.size() < many_members)
      return;
    // To copy what grew out of its room costs more than to ask for too much.
    std::size_t bytes = 0;
    for (const auto& member : members)
      bytes += row_bytes + set.name.size() + 2 * member.data.size();
    changed_->reserve(members.size() + members.size() / rows_for_index, bytes);
    come_.reserve(members.size());
    gone_.reserve(members.size());
  }

  void write(const crdt::payload& member, const crdt::or_set::clock& before,
             const crdt::or_set::clock& now) {
    if (changed_ == nullptr)
      return;
    if (now.empty()) {
      changed_->erase(names_.member(member));
    } else {
      row_.truncate(0);
      encode(row_, now);
      changed_->put(names_.member(member), row_.view());
    }
    add_those_not_in(now, before, member, gone_);
    add_those_not_in(before, now, member, come_);
  }

  void write_index() {
    for (auto* some : {&come_, &gone_}) // where members ascend, their events mostly do, too
      if (!std::is_sorted(some->begin(), some->end()))
        std::sort(some->begin(), some->end());
    auto come = come_.begin();
    auto gone = gone_.begin();
    while (come != come_.end() || gone != gone_.end()) {
      const bool comes_first = gone == gone_.end() || (come != come_.end() && *come < *gone);
      const auto first = comes_first ? come->entry : gone->entry;
      row_.truncate(0);
      for (; gone != gone_.end() && shares_row(gone->entry, first); ++gone)
        if (first.live)
          put_over(row_, gone->entry.number);
        else // of several members one may be the one whose entry is gone
          put_over(row_, gone->entry.number, *gone->member);
      for (; come != come_.end() && shares_row(come->entry, first); ++come)
        put_held(row_, come->entry.number, *come->member);
      changed_->append(names_.index(first), row_.view());
    }
  }

private:
  static constexpr std::size_t row_bytes = 40; // beside the names of the set and the member
  static constexpr std::size_t rows_for_index = 8;
  static constexpr std::size_t many_members = 64;

  static bool shares_row(const crdt::or_set::entry& a, const crdt::or_set::entry& b) {
    return a.live == b.live && a.replica == b.replica && block_of(a.number) == block_of(b.number);
  }

  static void add_those_not_in(const crdt::or_set::clock& others, const crdt::or_set::clock& some,
                               const crdt::payload& member, std::vector<changed_entry>& to) {
    auto other = others.begin();
    for (const auto& e : some) {
      while (other != others.end() && is_less(*other, e))
        ++other;
      if (other == others.end() || is_less(e, *other))
        to.push_back({e, &member});
    }
  }

  row_names names_;
  wire::writer row_;
  batch* changed_;
  std::vector<changed_entry> come_;
  std::vector<changed_entry> gone_;
};

} // namespace

held_value::held_value(const crdt::key& key) : key_(key), value_(key.type) {}

held_value::held_value(crdt::key key, head kept, crdt::or_set::clock_map clocks, bool whole)
    : key_(std::move(key)), value_(std::move(kept.value)), digest_(kept.digest),
      whole_(whole || !crdt::has_rows(key_.type)), members_(kept.members), dead_(kept.dead) {
  if (!crdt::has_rows(key_.type))
    return;
  value_ = crdt::or_set{set().seen(), std::move(clocks)};
  elsewhere_ = kept.footprint - set().footprint();
}

held_value::held_value(const crdt::key& key, crdt::value value,
                       const replication::digester& digests)
    : key_(key), value_(std::move(value)), digest_(digests.digest_of(key, value_)) {
  if (!crdt::has_rows(key.type))
    return;
  for (const auto& [member, clock] : set().clocks()) {
    members_ += crdt::or_set::is_live(clock) ? 1 : 0;
    dead_ += dead_in(clock);
  }
}

std::uint64_t held_value::footprint() const {
  return elsewhere_ + value_.footprint();
}

// -- what has to be here first --

wanted_rows held_value::lacks(const crdt::command& c, const crdt::replica_id& self) const {
  if (whole_)
    return {};
  crdt::causal_context events;
  const auto& change = std::get<crdt::set_change>(c);
  const auto last = set().seen().last(self);
  if (const auto more = change.add.size(); more > 0 && more <= crdt::event_number_max - last)
    events.insert(self, {last + 1, last + more});
  return lacks(members_of(c), events);
}

wanted_rows held_value::lacks(const crdt::value& part) const {
  if (whole_)
    return {};
  const auto& delta = part.as<crdt::or_set>();
  std::vector<crdt::payload> members;
  members.reserve(delta.clocks().size());
  for (const auto& [member, clock] : delta.clocks())
    members.push_back(member);
  return lacks(std::move(members), delta.seen());
}

wanted_rows held_value::lacks(const crdt::one_member& query) const {
  return is_here(query.member) ? wanted_rows{} : wanted_rows{{query.member}, {}, {}};
}

bool held_value::is_here(const crdt::payload& member) const {
  return whole_ || absent_.contains(member) || set().clocks().contains(member);
}

/// Those of some members in ascending order that are not here.
std::vector<crdt::payload> held_value::not_here(std::vector<crdt::payload> members) const {
  clocks_in_order clocks{set()};
  auto at = absent_.begin();
  std::erase_if(members, [&](const auto& member) {
    if (!clocks.of(member).empty())
      return true;
    at = crdt::seek(absent_, at, member);
    return at != absent_.end() && *at == member;
  });
  return members;
}

wanted_rows held_value::lacks(std::vector<crdt::payload> members,
                              const crdt::causal_context& events) const {
  wanted_rows result{not_here(std::move(members)), set().seen().common_with(events), {}};
  if (dead_ == 0)
    return result;
  // Once the events before them are known without a gap, `seen` alone says that they are over.
  for (const auto& [replica, added] : events.replicas()) {
    crdt::causal_context all;
    for (const auto* part : {&set().seen(), &events})
      if (const auto found = part->replicas().find(replica); found != part->replicas().end())
        for (const auto& some : found->second.intervals())
          all.insert(replica, some);
    const auto before = set().seen().prefix(replica);
    if (const auto after = all.prefix(replica); after > before)
      result.dead.insert(replica, {before + 1, after});
  }
  return result;
}

void held_value::take(const std::vector<crdt::payload>& asked, crdt::or_set::clock_map clocks) {
  if (whole_)
    return; // what is here is newer
  auto& set = value_.as<crdt::or_set>();
  if (!absent_.empty())
    std::erase_if(clocks, [this](const auto& row) { return absent_.contains(row.first); });
  const auto before = set.footprint();
  set.put(std::move(clocks));
  elsewhere_ -= set.footprint() - before;
  clocks_in_order here{set};
  auto at = absent_.begin();
  for (const auto& member : asked)
    if (here.of(member).empty()) {
      at = crdt::seek(absent_, at, member);
      at = absent_.insert(at, member);
    }
}

/// A part of a set does not know how many members there are.
crdt::view held_value::complete(crdt::view seen) const {
  if (auto* set = std::get_if<crdt::set_view>(&seen))
    set->cardinality = members_;
  else if (auto* page = std::get_if<crdt::page_view>(&seen))
    page->shown.cardinality = members_;
  else if (auto* one = std::get_if<crdt::member_view>(&seen))
    one->cardinality = members_;
  return seen;
}

// -- changes --

/// Does something to the value, keeps its digest and sizes up to date, and writes down what is
/// different; `rows` are those of a set that it may change.
template <class Operation>
auto held_value::change(const replication::touched_rows& rows, const replication::digester& digests,
                        batch* changed, Operation operation) {
  const auto digest_before = digest_;
  if (!crdt::has_rows(key_.type)) {
    auto result = operation();
    digest_ = digests.digest_of(key_, value_);
    is_digest_due_ = false;
    if (changed != nullptr && digest_ != digest_before)
      write_head(*changed, digest_before);
    return result;
  }
  std::vector<crdt::or_set::clock> before;
  before.reserve(rows.members.size());
  clocks_in_order old{set()};
  for (const auto& member : rows.members)
    before.push_back(old.of(member));
  digest_ -= digests.digest_of(key_, set(), {{}, rows.replicas});
  auto result = operation();
  digest_ += digests.digest_of(key_, set(), {{}, rows.replicas});
  replication::row_digester row{digests, key_};
  row_writer written{key_, rows.members, changed};
  clocks_in_order fresh{set()};
  auto clock = before.begin();
  for (const auto& member : rows.members) {
    const auto& was = *clock++;
    const auto& now = fresh.of(member);
    if (now == was)
      continue;
    digest_ -= row(member, was);
    digest_ += row(member, now);
    count(member, was, now);
    written.write(member, was, now);
  }
  written.write_index();
  if (changed != nullptr && digest_ != digest_before)
    write_head(*changed, digest_before);
  return result;
}

/// Whatever has no head yet is not in the list of keys, either.
void held_value::write_head(batch& into, const replication::digest& digest_before) const {
  into.put(head_name(key_), encode(summary()));
  if (digest_before == replication::digest{})
    into.put(listed_name(key_), {});
}

/// Keeps what is known of all members up to date with one of them.
void held_value::count(const crdt::payload& member, const crdt::or_set::clock& before,
                       const crdt::or_set::clock& now) {
  members_ += (crdt::or_set::is_live(now) ? 1 : 0) - (crdt::or_set::is_live(before) ? 1 : 0);
  dead_ += dead_in(now) - dead_in(before);
  if (whole_ || now.empty() == before.empty())
    return;
  if (now.empty())
    absent_.insert(absent_.end(), member); // mostly they come in their order
  else
    absent_.erase(member);
}

crdt::outcome held_value::apply(const crdt::command& c, const crdt::replica_id& self,
                                crdt::lww_register::stamp wall,
                                const replication::digester& digests, batch* changed) {
  replication::touched_rows rows;
  if (crdt::has_rows(key_.type))
    rows = replication::rows_changed_by(set(), self, members_of(c));
  return change(rows, digests, changed, [&] { return crdt::apply(value_, c, self, wall); });
}

std::optional<crdt::value> held_value::join(const crdt::value& part,
                                            const replication::digester& digests, batch* changed) {
  replication::touched_rows rows;
  if (crdt::has_rows(key_.type))
    rows = replication::rows_changed_by(set(), part.as<crdt::or_set>());
  return change(rows, digests, changed, [&] { return value_.join(part); });
}

crdt::outcome held_value::apply_undigested(const crdt::command& c, const crdt::replica_id& self,
                                           crdt::lww_register::stamp wall) {
  assert(!crdt::has_rows(key_.type));
  is_digest_due_ = true;
  return crdt::apply(value_, c, self, wall);
}

const replication::digest& held_value::renewed_digest(const replication::digester& digests) {
  if (std::exchange(is_digest_due_, false))
    digest_ = digests.digest_of(key_, value_);
  return digest_;
}

head held_value::summary() const {
  if (!crdt::has_rows(key_.type))
    return {digest_, value_};
  return {digest_, crdt::or_set{set().seen(), {}}, members_, dead_, footprint()};
}

batch held_value::rows() const {
  assert(whole_);
  batch result;
  if (empty())
    return result;
  write_head(result, {});
  if (!crdt::has_rows(key_.type))
    return result;
  index_rows index{key_};
  for (const auto& [member, clock] : set().clocks()) {
    result.put(member_name(key_, member), encode(clock));
    index.add(member, clock);
  }
  index.write(result);
  return result;
}

void held_value::let_go() {
  if (!crdt::has_rows(key_.type))
    return;
  elsewhere_ = footprint();
  value_ = crdt::or_set{set().seen(), {}};
  absent_.clear();
  whole_ = false;
}

} // namespace starling::storage
