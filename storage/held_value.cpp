#include "storage/held_value.hpp"

#include "crdt/seek.hpp"
#include "storage/event_index.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace starling::storage {

namespace {

template <class State>
std::uint64_t dead_in(const typename State::row& row) {
  return static_cast<std::uint64_t>(
      std::ranges::count(State::entries_of(row), false, &crdt::entry::live));
}

/// The rows of a value, one after the other.
template <class State>
class rows_in_order {
public:
  using row = typename State::row;

  explicit rows_in_order(const State& state) : all_(state.rows()), at_(all_.begin()) {}

  /// Empty without one. Costs least if the members come in ascending order.
  const row& of(const crdt::payload& member) {
    static const row none;
    at_ = crdt::seek(all_, at_, member);
    return at_ != all_.end() && at_->first == member ? at_->second : none;
  }

private:
  const typename State::row_map& all_;
  typename State::row_map::const_iterator at_;
};

/// The value without its rows.
crdt::value without_rows(const crdt::value& value) {
  return value.visit_rows([](const auto& state, auto) -> crdt::value {
    return std::decay_t<decltype(state)>{state.seen(), {}};
  });
}

bool is_less(const crdt::entry& a, const crdt::entry& b) {
  return std::tie(a.replica, a.number, a.live) < std::tie(b.replica, b.number, b.live);
}

/// An entry that comes or goes; in the order of the rows of the index.
struct changed_entry {
  crdt::entry entry;
  const crdt::payload* member;

  friend bool operator<(const changed_entry& a, const changed_entry& b) {
    return std::tie(a.entry.live, a.entry.replica, a.entry.number, *a.member) <
           std::tie(b.entry.live, b.entry.replica, b.entry.number, *b.member);
  }
};

/// Writes down the rows of a value that are different: the rows of members first, then those of the
/// index. A store takes rows that come in their order for much less than others.
class row_writer {
public:
  /// At most these members have changed, and they outlive this. Nothing is written if there is no
  /// batch.
  row_writer(const crdt::key& key, const std::vector<crdt::payload>& members, batch* changed)
      : names_(key), changed_(changed) {
    if (changed_ == nullptr || members.size() < many_members)
      return;
    // To copy what grew out of its room costs more than to ask for too much.
    std::size_t bytes = 0;
    for (const auto& member : members)
      bytes += row_bytes + key.name.size() + 2 * member.data.size();
    changed_->reserve(members.size() + members.size() / rows_for_index, bytes);
    come_.reserve(members.size());
    gone_.reserve(members.size());
  }

  template <class State>
  void write(const crdt::payload& member, const typename State::row& before,
             const typename State::row& now) {
    if (changed_ == nullptr)
      return;
    if (now.empty()) {
      changed_->erase(names_.member(member));
    } else {
      row_.truncate(0);
      State::encode_row(row_, now);
      changed_->put(names_.member(member), row_.view());
    }
    const auto& old_entries = State::entries_of(before);
    const auto& new_entries = State::entries_of(now);
    add_those_not_in(new_entries, old_entries, member, gone_);
    add_those_not_in(old_entries, new_entries, member, come_);
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
  static constexpr std::size_t row_bytes = 40; // beside the names of the key and the member
  static constexpr std::size_t rows_for_index = 8;
  static constexpr std::size_t many_members = 64;

  static bool shares_row(const crdt::entry& a, const crdt::entry& b) {
    return a.live == b.live && a.replica == b.replica && block_of(a.number) == block_of(b.number);
  }

  static void add_those_not_in(std::span<const crdt::entry> others,
                               std::span<const crdt::entry> some, const crdt::payload& member,
                               std::vector<changed_entry>& to) {
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

held_value::held_value(crdt::key key, head kept)
    : key_(std::move(key)), value_(std::move(kept.value)), digest_(kept.digest),
      whole_(!crdt::has_rows(key_.type)), members_(kept.members), dead_(kept.dead) {
  elsewhere_ = whole_ ? 0 : kept.footprint;
}

held_value::held_value(crdt::key key, head kept, crdt::any_rows rows)
    : held_value(std::move(key), std::move(kept)) {
  if (!has_rows())
    return;
  value_ = crdt::with_rows(value_, std::move(rows));
  whole_ = true;
  elsewhere_ -= value_.footprint();
}

held_value::held_value(const crdt::key& key, crdt::value value,
                       const replication::digester& digests)
    : key_(key), value_(std::move(value)), digest_(digests.digest_of(key, value_)) {
  if (!has_rows())
    return;
  value_.visit_rows([this](const auto& state, auto) {
    using state_type = std::decay_t<decltype(state)>;
    for (const auto& [member, row] : state.rows()) {
      members_ += state_type::is_live(row) ? 1 : 0;
      dead_ += dead_in<state_type>(row);
    }
    return true;
  });
}

std::uint64_t held_value::footprint() const {
  return elsewhere_ + value_.footprint();
}

// -- what has to be here first --

/// Those of some members in ascending order that are not here.
template <class State>
std::vector<crdt::payload> held_value::not_here(const State& state,
                                                std::vector<crdt::payload> members) const {
  rows_in_order here{state};
  auto at = absent_.begin();
  std::erase_if(members, [&](const auto& member) {
    if (!here.of(member).empty())
      return true;
    at = crdt::seek(absent_, at, member);
    return at != absent_.end() && *at == member;
  });
  return members;
}

template <class State>
wanted_rows held_value::lacks(const State& state, std::vector<crdt::payload> members,
                              const crdt::causal_context& events) const {
  const auto& seen = state.seen();
  wanted_rows result{not_here(state, std::move(members)), seen.common_with(events), {}};
  if (dead_ == 0)
    return result;
  // Once the events before them are known without a gap, `seen` alone says that they are over.
  for (const auto& [replica, added] : events.replicas()) {
    crdt::causal_context all;
    for (const auto* part : {&seen, &events})
      if (const auto found = part->replicas().find(replica); found != part->replicas().end())
        for (const auto& some : found->second.intervals())
          all.insert(replica, some);
    const auto before = seen.prefix(replica);
    if (const auto after = all.prefix(replica); after > before)
      result.dead.insert(replica, {before + 1, after});
  }
  return result;
}

wanted_rows held_value::lacks(const crdt::command& c, const crdt::replica_id& self) const {
  if (whole_)
    return {};
  return value_.visit_rows([&](const auto& state, auto which) {
    using type = typename decltype(which)::type;
    const auto& command = std::get<typename type::command>(c);
    crdt::causal_context events;
    const auto last = state.seen().last(self);
    if (const auto more = type::events_of(command);
        more > 0 && more <= crdt::event_number_max - last)
      events.insert(self, {last + 1, last + more});
    return lacks(state, type::members_of(command), events);
  });
}

wanted_rows held_value::lacks(const crdt::value& part) const {
  if (whole_)
    return {};
  return value_.visit_rows([&](const auto& state, auto which) {
    const auto& delta = part.as<typename decltype(which)::type::state>();
    std::vector<crdt::payload> members;
    members.reserve(delta.rows().size());
    for (const auto& [member, row] : delta.rows())
      members.push_back(member);
    return lacks(state, std::move(members), delta.seen());
  });
}

wanted_rows held_value::lacks(const crdt::one_member& query) const {
  if (whole_)
    return {};
  return value_.visit_rows([&](const auto& state, auto) -> wanted_rows {
    return {not_here(state, {query.member}), {}, {}};
  });
}

void held_value::add_rows(const std::vector<crdt::payload>& asked, crdt::any_rows rows) {
  if (whole_)
    return; // what is here is newer
  value_.visit_rows([&](auto& state, auto which) {
    auto& map = std::get<crdt::rows_of<typename decltype(which)::type>>(rows).map;
    if (!absent_.empty())
      std::erase_if(map, [this](const auto& row) { return absent_.contains(row.first); });
    const auto before = value_.footprint();
    state.put(std::move(map));
    elsewhere_ -= value_.footprint() - before;
    rows_in_order here{std::as_const(state)};
    auto at = absent_.begin();
    for (const auto& member : asked)
      if (here.of(member).empty()) {
        at = crdt::seek(absent_, at, member);
        at = absent_.insert(at, member);
      }
    return true;
  });
}

/// A part of a value does not know how many members there are.
crdt::view held_value::complete(crdt::view seen) const {
  if (has_rows())
    crdt::tell_cardinality(seen, key_.type, members_);
  return seen;
}

// -- changes --

/// Does something to the value, keeps its digest and sizes up to date, and writes down what is
/// different; `rows` are those that it may change, if there are any.
template <class Operation>
auto held_value::change(const replication::touched_rows& rows, const replication::digester& digests,
                        batch* changed, Operation operation) {
  if (has_rows())
    return value_.visit_rows([&](const auto& state, auto) {
      return change_rows(state, rows, digests, changed, operation);
    });
  const auto digest_before = digest_;
  auto result = operation();
  digest_ = digests.digest_of(key_, value_);
  is_digest_due_ = false;
  if (changed != nullptr && digest_ != digest_before)
    write_head(*changed, digest_before);
  return result;
}

/// The same; `state` is that of the value, which the operation changes.
template <class State, class Operation>
auto held_value::change_rows(const State& state, const replication::touched_rows& rows,
                             const replication::digester& digests, batch* changed,
                             Operation operation) {
  const auto digest_before = digest_;
  std::vector<typename State::row> before;
  before.reserve(rows.members.size());
  rows_in_order old{state};
  for (const auto& member : rows.members)
    before.push_back(old.of(member));
  digest_ -= digests.digest_of(key_, value_, {{}, rows.replicas});
  auto result = operation();
  digest_ += digests.digest_of(key_, value_, {{}, rows.replicas});
  replication::row_digester row{digests, key_};
  row_writer written{key_, rows.members, changed};
  rows_in_order fresh{state};
  auto old_row = before.begin();
  for (const auto& member : rows.members) {
    const auto& was = *old_row++;
    const auto& now = fresh.of(member);
    if (now == was)
      continue;
    digest_ -= row.of_row<State>(member, was);
    digest_ += row.of_row<State>(member, now);
    count<State>(member, was, now);
    written.write<State>(member, was, now);
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
template <class State>
void held_value::count(const crdt::payload& member, const typename State::row& before,
                       const typename State::row& now) {
  members_ += (State::is_live(now) ? 1 : 0) - (State::is_live(before) ? 1 : 0);
  dead_ += dead_in<State>(now) - dead_in<State>(before);
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
  if (has_rows())
    rows = crdt::visit_with_rows(key_.type, [&](auto which) {
      using type = typename decltype(which)::type;
      return replication::rows_changed_by(value_, self,
                                          type::members_of(std::get<typename type::command>(c)));
    });
  return change(rows, digests, changed, [&] { return crdt::apply(value_, c, self, wall); });
}

std::optional<crdt::value> held_value::join(const crdt::value& part,
                                            const replication::digester& digests, batch* changed) {
  replication::touched_rows rows;
  if (has_rows())
    rows = replication::rows_changed_by(value_, part);
  return change(rows, digests, changed, [&] { return value_.join(part); });
}

crdt::outcome held_value::apply_undigested(const crdt::command& c, const crdt::replica_id& self,
                                           crdt::lww_register::stamp wall) {
  assert(!has_rows());
  is_digest_due_ = true;
  return crdt::apply(value_, c, self, wall);
}

const replication::digest& held_value::renewed_digest(const replication::digester& digests) {
  if (std::exchange(is_digest_due_, false))
    digest_ = digests.digest_of(key_, value_);
  return digest_;
}

head held_value::summary() const {
  if (!has_rows())
    return {digest_, value_};
  return {digest_, without_rows(value_), members_, dead_, footprint()};
}

batch held_value::rows() const {
  assert(whole_);
  batch result;
  if (empty())
    return result;
  write_head(result, {});
  if (!has_rows())
    return result;
  value_.visit_rows([&](const auto& state, auto) {
    using state_type = std::decay_t<decltype(state)>;
    row_names names{key_};
    index_rows index{key_};
    wire::writer content;
    for (const auto& [member, row] : state.rows()) {
      content.truncate(0);
      state_type::encode_row(content, row);
      result.put(names.member(member), content.view());
      index.add(member, state_type::entries_of(row));
    }
    index.write(result);
    return true;
  });
  return result;
}

void held_value::let_go() {
  if (!has_rows())
    return;
  elsewhere_ = footprint();
  value_ = without_rows(value_);
  absent_.clear();
  whole_ = false;
}

} // namespace starling::storage
