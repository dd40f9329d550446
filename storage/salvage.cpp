#include "storage/salvage.hpp"

#include "storage/identity.hpp"
#include "storage/layout.hpp"
#include "storage/tally_rows.hpp"
#include "wire/bytes.hpp"

#include <algorithm>
#include <utility>

namespace starling::storage {

namespace {

constexpr std::size_t batch_bytes = std::size_t{1} << 20;

// Beyond so many, all from the first to the last count as lost.
constexpr std::size_t lost_ranges_max = 10'000;

// Where a gap ends is looked for in so many bytes of a name beyond those that it shares with the
// gap's beginning; what differs later counts as lost.
constexpr std::size_t bytes_searched = 16;

bool can_read_from(const snapshot& at, const std::string& name, const std::string& end) {
  return !at.scan(name, end, [](auto, auto) { return false; });
}

/// A name from which on rows can be read again: the first one if there is one gap, and with more of
/// them sometimes one behind the second. Requires: from `bad` on they cannot, and bad < end.
std::string end_of_gap(const snapshot& at, const std::string& bad, const std::string& end) {
  // First the nearest name above all that share a beginning with it, the longest first.
  std::string good = end;
  std::size_t shared = bad.size();
  for (; shared > 0; --shared) {
    auto above = after_all_of(std::string_view{bad}.substr(0, shared));
    if (above.empty() || above >= end)
      continue;
    if (can_read_from(at, above, end)) {
      good = std::move(above);
      break;
    }
  }
  // Then byte by byte between that and the last of those that could not be read.
  auto prefix = bad.substr(0, shared > 0 ? shared - 1 : 0);
  for (std::size_t i = 0; i < bytes_searched; ++i) {
    int low = -1; // what begins with the prefix and this byte cannot be read
    int high = 256;
    while (high - low > 1) {
      const auto middle = (low + high) / 2;
      auto name = prefix + static_cast<char>(middle);
      if (name > bad && (name >= good || can_read_from(at, name, end))) {
        high = middle;
        good = std::min(good, name);
      } else {
        low = middle;
      }
    }
    if (low < 0)
      break;
    prefix.push_back(static_cast<char>(low));
  }
  return good;
}

/// Shows the rows with first <= name < end that are sound, and the gaps between them. Fails where
/// something else than damage keeps them from being read.
template <class Row, class Gap>
wire::possible<failure> scan_around_gaps(const snapshot& at, std::string first,
                                         const std::string& end, Row row, Gap gap) {
  while (auto failed = at.scan(first, end, [&](std::string_view name, std::string_view value) {
    row(name, value);
    first = std::string{name} + '\0';
    return true;
  })) {
    if (failed->kind != trouble::corrupted)
      return failed;
    auto next = end_of_gap(at, first, end);
    gap(first, next);
    first = std::move(next);
  }
  return std::nullopt;
}

class copy_job {
public:
  copy_job(const source& from, store& to, const replication::digester& ours)
      : from_(from.rows), layout_(from.layout), may_keep_replica_(from.may_keep_replica), to_(to),
        ours_(ours), digests_(&ours) {}

  found<salvaged> run(loss shows) {
    copy(all_node_rows(), [this](std::string_view name, std::string_view row) {
      if (name == members_row() && rescuers_.empty())
        rescuers_ = row;
      if (name == rescuers_row())
        rescuers_ = row; // of what was lost before
      else if (name == replica_row())
        replica_ = row;
      else
        put_row(std::string{name}, std::string{row});
    }); // each of them is made anew if it is missing
    const auto [first_key, behind_keys] = all_listed();
    const bool knows_secret = find_secret();
    if (shows == loss::silent && digests_ == nullptr)
      fail({trouble::broken, "nothing shows which values are whole, for they were written under "
                             "another cluster.key or cluster.name: start once with that one"});
    if (shows == loss::silent || !knows_secret)
      lose({first_key, behind_keys});
    auto lost_before = read_lost_keys(from_);
    if (lost_before)
      for (const auto& noted : lost_before->ranges()) {
        const auto [first, end] = layout_.lost(noted);
        result_.lost.add(first, end);
      }
    else // any key may be one of those
      lose({first_key, behind_keys});
    copy(
        layout_.heads(),
        [this](std::string_view name, std::string_view row) { copy_key(name, row); },
        [this](const std::string& gap, const std::string& end) {
          lose_heads({gap, end});
        });
    if (!gaps_.empty())
      look_for_keys_in_gaps();
    for (const auto& unknown : all_unknown_rows())
      copy(unknown, [this](std::string_view name, std::string_view row) { put_row(name, row); });
    put(batch_, result_.lost);
    if (!result_.lost.empty() && !rescuers_.empty())
      put_row(rescuers_row(), rescuers_);
    if (may_keep_replica_ && result_.is_all_there && replica_) {
      put_row(replica_row(), *replica_);
      result_.has_replica = true;
    } else {
      give_up_replica();
    }
    write();
    if (!failure_)
      failure_ = to_.sync();
    if (failure_)
      return std::move(*failure_);
    return std::move(result_);
  }

private:
  /// Events of the old replica id are here, and are handed on. How far it got may be lost, so
  /// nobody could tell an older copy of this disk that it must not go on under that id.
  void give_up_replica() {
    if (!replica_)
      return;
    wire::reader in{*replica_}; // the row begins with the id
    const auto id = crdt::decode_replica_id(in);
    if (in.ok())
      put_tally(batch_, {id, given_up_for_good});
  }

  /// Copies rows that are sound; `gap` is told of those that are not.
  template <class Row, class Gap>
  void copy(const row_range& rows, Row row, Gap gap) {
    if (auto failed = scan_around_gaps(from_, rows.first, rows.second, row,
                                       [&](const std::string& first, const std::string& end) {
                                         result_.is_all_there = false;
                                         gap(first, end);
                                       }))
      fail(std::move(*failed));
  }
  template <class Row>
  void copy(const row_range& rows, Row row) {
    copy(rows, row, [](const std::string&, const std::string&) {});
  }

  void copy_key(std::string_view name, std::string_view row) {
    const auto key = layout_.key_of_head(name);
    if (!key) { // no key has such a name
      result_.is_all_there = false;
      return;
    }
    if (!crdt::is_known(key->type) || is_of_newer_format(key->type, row))
      return copy_unknown(*key, row);
    const auto kept = decode_head(key->type, row);
    if (!kept || !is_whole(*key, *kept))
      return lose(*key);
    put_head(*key, row);
    if (crdt::has_rows(key->type)) {
      index_rows index{*key};
      row_names names{*key};
      crdt::visit_with_rows(key->type, [&](auto which) {
        using state = typename decltype(which)::type::state;
        return scan_rows<state>(*key, [&](const crdt::payload& member, const auto& content) {
          wire::writer out;
          state::encode_row(out, content);
          put_row(names.member(member), out.view());
          index.add(member, state::entries_of(content));
          if (index.bytes() >= batch_bytes)
            index.write(batch_);
        });
      });
      index.write(batch_);
    }
    ++result_.kept;
  }

  void put_head(const crdt::key& key, std::string_view row) {
    put_row(head_name(key), row);
    put_row(listed_name(key), {});
  }

  /// Nobody here can tell whether it is whole.
  void copy_unknown(const crdt::key& key, std::string_view row) {
    put_head(key, row);
    for (const auto& rows : layout_.rows_of_unknown(key))
      copy(rows, [&](std::string_view name, std::string_view content) {
        layout_.copy_of_unknown(key, name, content, batch_);
        write_if_full();
      });
  }

  // -- what is lost --

  void lose(const row_range& listed) {
    result_.is_all_there = false;
    result_.lost.add(listed.first, listed.second);
  }

  void lose(const crdt::key& key) {
    result_.is_all_there = false;
    result_.lost.add(key);
  }

  void lose_heads(const row_range& heads) {
    if (const auto listed = layout_.listed(heads))
      lose(*listed);
    else
      gaps_.push_back(heads);
  }

  /// The list says which keys had their heads where they cannot be read. What cannot be read of the
  /// list may hold such keys as well.
  void look_for_keys_in_gaps() {
    copy(
        all_listed(),
        [this](std::string_view name, std::string_view) {
          const auto key = key_of_listed(name);
          if (!key)
            return;
          const auto head = head_name(*key);
          if (std::ranges::any_of(gaps_, [&](const row_range& gap) {
                return gap.first <= head && head < gap.second;
              }))
            lose(*key);
        },
        [this](const std::string& first, const std::string& end) {
          lose(row_range{first, end});
        });
    if (const auto& lost = result_.lost.ranges(); lost.size() > lost_ranges_max)
      lose(row_range{lost.begin()->first, lost.rbegin()->second});
  }

  /// Looks which secret the digests are made with. What a missing row would say is not known; then
  /// a key whose digest is right with ours is right. Whether no row is missing in silence.
  bool find_secret() {
    auto known = secret_of_digests(from_, ours_);
    if (!known && known.error().kind != trouble::corrupted)
      fail(known.error());
    if (known && *known == digest_secret::another)
      digests_ = nullptr;
    else
      put_secret(batch_, ours_);
    return !known || *known != digest_secret::unknown;
  }

  /// Whether everything of a key can be read and is what was written.
  bool is_whole(const crdt::key& key, const head& kept) {
    const bool has_digest = digests_ != nullptr && kept.digest != replication::digest{};
    if (!crdt::has_rows(key.type))
      return !has_digest || digests_->digest_of(key, kept.value) == kept.digest;
    return kept.value.visit_rows([&](const auto& state, auto) {
      return has_all_rows(key, kept, state, has_digest ? digests_ : nullptr);
    });
  }

  /// Whether the rows of a key are those of its head; `state` is what the head says was seen.
  template <class State>
  bool has_all_rows(const crdt::key& key, const head& kept, const State& state,
                    const replication::digester* digests) {
    std::optional<replication::row_digester> row;
    if (digests != nullptr)
      row.emplace(*digests, key);
    replication::digest sum;
    std::uint64_t members = 0;
    std::uint64_t dead = 0;
    std::uint64_t footprint = 0;
    const bool is_sound =
        scan_rows<State>(key, [&](const crdt::payload& member, const auto& content) {
          members += State::is_live(content) ? 1 : 0;
          dead += static_cast<std::uint64_t>(
              std::ranges::count(State::entries_of(content), false, &crdt::entry::live));
          footprint += State::footprint_of(member, content);
          if (row)
            sum += row->of_row<State>(member, content);
        });
    if (!is_sound || members != kept.members || dead != kept.dead || footprint != kept.footprint)
      return false;
    return !row || sum + row->of_seen(state.seen()) == kept.digest;
  }

  /// Shows the rows of a key with such a state. Whether all of them could be read.
  template <class State, class Visitor>
  bool scan_rows(const crdt::key& key, Visitor see) {
    const auto [first, end] = layout_.members_of(key);
    bool is_sound = true;
    auto failed = from_.scan(first, end, [&](std::string_view name, std::string_view row) {
      const auto member = layout_.member_of(key, name);
      const auto content = State::decode_row(row);
      is_sound = member && content;
      if (is_sound)
        see(*member, *content);
      return is_sound;
    });
    if (!failed)
      return is_sound;
    if (failed->kind != trouble::corrupted)
      fail(std::move(*failed));
    return false;
  }

  void put_row(std::string_view name, std::string_view value) {
    batch_.put(name, value);
    write_if_full();
  }

  void write_if_full() {
    if (batch_.bytes() >= batch_bytes)
      write();
  }

  void write() {
    const std::vector<batch> full{std::exchange(batch_, {})};
    if (failure_)
      return;
    if (auto failed = to_.commit(full, false))
      fail(std::move(*failed));
  }

  /// The first failure counts.
  void fail(failure why) {
    if (!failure_)
      failure_ = std::move(why);
  }

  const snapshot& from_;
  const source_layout& layout_;
  bool may_keep_replica_;
  store& to_;
  const replication::digester& ours_;
  const replication::digester* digests_; // none: they are those of another secret
  salvaged result_{.is_all_there = true};
  std::vector<row_range> gaps_; // among the heads
  batch batch_;
  std::optional<std::string> replica_; // the row of the replica id
  std::string rescuers_;               // the row of the members who may bring back what is lost
  std::optional<failure> failure_;
};

} // namespace

found<salvaged> salvage(const source& from, store& target, const replication::digester& digests,
                        loss shows) {
  return copy_job{from, target, digests}.run(shows);
}

} // namespace starling::storage
