#include "storage/salvage.hpp"

#include "storage/identity.hpp"
#include "storage/layout.hpp"

#include <algorithm>
#include <utility>

namespace starling::storage {

namespace {

constexpr std::size_t batch_bytes = std::size_t{1} << 20;

// Where a gap ends is looked for in so many bytes of a name beyond those that it shares with the
// gap's beginning; what differs later counts as lost.
constexpr std::size_t bytes_searched = 16;

bool can_read_from(const moment& at, const std::string& name, const std::string& end) {
  return !at.scan(name, end, [](auto, auto) { return false; });
}

/// A name from which on rows can be read again: the first one if there is one gap, and with more of
/// them sometimes one behind the second. Requires: from `bad` on they cannot, and bad < end.
std::string end_of_gap(const moment& at, const std::string& bad, const std::string& end) {
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
std::optional<failure> scan_around_gaps(const moment& at, std::string first, const std::string& end,
                                        Row row, Gap gap) {
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

class copying {
public:
  copying(const moment& from, store& to, const replication::digester& ours)
      : from_(from), to_(to), ours_(ours), digests_(&ours) {}

  found<salvaged> run(loss shows) {
    copy(all_node_rows(), [this](std::string_view name, std::string_view row) {
      if (name == members_row() && hopes_.empty())
        hopes_ = row;
      if (name == hopes_row())
        hopes_ = row; // of what was lost before
      else if (name != replica_row())
        put_row(std::string{name}, std::string{row});
    }); // each of them is made anew if it is missing
    const auto heads = all_heads();
    const bool knows_secret = find_secret();
    if (shows == loss::silent && digests_ == nullptr)
      fail({trouble::broken, "nothing shows which values are whole, for they were written under "
                             "another cluster.key or cluster.name: start once with that one"});
    if (shows == loss::silent || !knows_secret)
      result_.lost.add(heads.first, heads.second);
    auto lost_before = read_lost_keys(from_);
    if (const auto* known = std::get_if<lost_keys>(&lost_before))
      for (const auto& [first, end] : known->ranges())
        result_.lost.add(first, end);
    else // any key may be one of those
      result_.lost.add(heads.first, heads.second);
    copy(
        heads, [this](std::string_view name, std::string_view row) { copy_key(name, row); },
        [this](const std::string& gap, const std::string& end) { result_.lost.add(gap, end); });
    for (const auto& unknown : all_unknown_rows())
      copy_all(unknown);
    put(batch_, result_.lost);
    if (!result_.lost.empty() && !hopes_.empty())
      put_row(hopes_row(), hopes_);
    write();
    if (!failure_)
      failure_ = to_.sync();
    if (failure_)
      return std::move(*failure_);
    return std::move(result_);
  }

private:
  static void nothing(const std::string&, const std::string&) {}

  template <class Row, class Gap = decltype(&nothing)>
  void copy(const std::pair<std::string, std::string>& rows, Row row, Gap gap = &nothing) {
    if (auto failed = scan_around_gaps(from_, rows.first, rows.second, row, gap))
      fail(std::move(*failed));
  }

  void copy_key(std::string_view name, std::string_view row) {
    const auto key = key_of_head(name);
    if (key && (!crdt::is_known(key->type) || is_of_newer_format(key->type, row)))
      return copy_unknown(*key, name, row);
    const auto kept = key ? decode_head(key->type, row) : std::nullopt;
    if (!kept || !is_whole(*key, *kept))
      return result_.lost.add(std::string{name}, std::string{name} + '\0');
    put_row(std::string{name}, std::string{row});
    if (crdt::has_rows(key->type))
      scan_members(*key, [&](const crdt::payload& member, const crdt::or_set::clock& clock) {
        put_row(member_name(*key, member), encode(clock));
        for (const auto& entry : clock)
          put_row(entry_name(*key, entry, member), {});
      });
    ++result_.kept;
  }

  /// Nobody here can tell whether it is whole. Rows of a type that is not known have letters that
  /// are not known, either.
  void copy_unknown(const crdt::key& key, std::string_view name, std::string_view row) {
    put_row(name, row);
    if (!crdt::has_rows(key.type))
      return;
    for (const auto& rows : {members_between(key), all_entries(key)})
      copy_all(rows);
  }

  void copy_all(const std::pair<std::string, std::string>& rows) {
    copy(rows, [this](std::string_view name, std::string_view row) { put_row(name, row); });
  }

  /// Looks which secret the digests are made with. What a missing row would say is not known; then
  /// a key whose digest is right with ours is right. Whether no row is missing in silence.
  bool find_secret() {
    auto known = secret_of_digests(from_, ours_);
    if (auto* why = std::get_if<failure>(&known); why != nullptr && why->kind != trouble::corrupted)
      fail(std::move(*why));
    const auto* secret = std::get_if<digest_secret>(&known);
    if (secret != nullptr && *secret == digest_secret::another)
      digests_ = nullptr;
    else
      put_secret(batch_, ours_);
    return secret == nullptr || *secret != digest_secret::unknown;
  }

  /// Whether everything of a key can be read and is what was written.
  bool is_whole(const crdt::key& key, const head& kept) {
    const bool has_digest = digests_ != nullptr && kept.digest != replication::digest{};
    if (!crdt::has_rows(key.type))
      return !has_digest || digests_->digest_of(key, kept.value) == kept.digest;
    replication::digest sum;
    std::uint64_t members = 0;
    std::uint64_t dead = 0;
    std::uint64_t footprint = 0;
    const bool is_sound =
        scan_members(key, [&](const crdt::payload& member, const crdt::or_set::clock& clock) {
          members += crdt::or_set::is_live(clock) ? 1 : 0;
          dead += static_cast<std::uint64_t>(
              std::ranges::count_if(clock, [](const auto& e) { return !e.live; }));
          footprint += crdt::or_set{{}, {{member, clock}}}.footprint();
          if (has_digest)
            sum += digests_->row(key, member, clock);
        });
    if (!is_sound || members != kept.members || dead != kept.dead || footprint != kept.footprint)
      return false;
    if (!has_digest)
      return true;
    for (const auto& [replica, events] : kept.value.as<crdt::or_set>().seen().replicas())
      sum += digests_->row(key, replica, events);
    return sum == kept.digest;
  }

  /// Whether all of them could be read.
  template <class Visitor>
  bool scan_members(const crdt::key& set, Visitor see) {
    const auto [first, end] = members_between(set);
    bool is_sound = true;
    auto failed = from_.scan(first, end, [&](std::string_view name, std::string_view row) {
      const auto member = member_of(set, name);
      const auto clock = decode_clock(row);
      is_sound = member && clock;
      if (is_sound)
        see(*member, *clock);
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

  const moment& from_;
  store& to_;
  const replication::digester& ours_;
  const replication::digester* digests_; // none: they are those of another secret
  salvaged result_;
  batch batch_;
  std::string hopes_; // the row of the members who may bring back what is lost
  std::optional<failure> failure_;
};

} // namespace

found<salvaged> salvage(const moment& damaged, store& target, const replication::digester& digests,
                        loss shows) {
  return copying{damaged, target, digests}.run(shows);
}

} // namespace starling::storage
