#include "storage/identity.hpp"

#include "storage/kept_since.hpp"
#include "storage/tally_rows.hpp"
#include "wire/bytes.hpp"

#include <algorithm>
#include <utility>

namespace starling::storage {

namespace {

/// The row of the replica id.
struct record {
  crdt::replica_id id;
  evidence kept;           // of the disk
  bool is_certain = false; // whatever happens now, nothing numbered under it gets lost
};

std::string secret_row() {
  return node_row("secret");
}

std::string encode(const record& r) {
  wire::writer out;
  crdt::encode(out, r.id);
  out.u8(r.is_certain ? 1 : 0);
  encode(out, r.kept);
  return std::move(out).take();
}

/// A later version may have put something behind it.
std::optional<record> decode_record(std::string_view bytes) {
  wire::reader in{bytes};
  record result;
  result.id = crdt::decode_replica_id(in);
  result.is_certain = in.u8() == 1;
  result.kept = decode_evidence(in);
  return in.ok() ? std::optional{result} : std::nullopt;
}

/// What a row holds, if it makes sense.
struct read_row {
  bool is_there = false;
  std::optional<record> content;
};

found<read_row> read_record(const store& rows) {
  auto row = rows.now()->find(replica_row());
  if (!row)
    return std::move(row).error();
  const auto& bytes = *row;
  return read_row{bytes.has_value(), bytes ? decode_record(*bytes) : std::nullopt};
}

/// Why events may not be numbered any more under the id that was kept; nothing if they may.
std::optional<renewal> doubt_about(const read_row& before, const evidence& seen) {
  using enum renewal::cause;
  if (!before.content)
    return renewal{damaged, "its row makes no sense"};
  if (!seen.is_whole)
    return renewal{damaged, "what was written last may be missing"};
  if (!before.content->is_certain)
    return renewal{unsynced, "its last life did not end in order, and had not synced what it told"};
  if (auto differs = difference(before.content->kept, seen))
    return renewal{another_disk, std::move(*differs)};
  return std::nullopt;
}

/// What was counted under the id that is given up stays known, as if another node had told it:
/// where the folder is a copy, that node goes on under this id, and must find out if its own disk
/// is set back to before the copy was made.
wire::possible<failure> keep_count_of(const crdt::replica_id& given_up, const snapshot& at,
                                      batch& into) {
  auto counted = read_own_changes(at);
  if (!counted)
    return std::move(counted).error();
  if (*counted > 0)
    put_tally(into, {given_up, *counted});
  return std::nullopt;
}

wire::possible<failure> put(store& rows, std::string_view name, std::string_view value) {
  batch b;
  b.put(name, value);
  return rows.commit({b}, true);
}

wire::possible<failure> renew_digest(const snapshot& at, const crdt::key& key,
                                     const replication::digester& digests, batch& into) {
  auto read = read_unchecked(at, key);
  if (!read)
    return std::move(read).error();
  auto& value = *read;
  if (!value)
    return std::nullopt;
  const auto renewed = held_value{key, std::move(*value), digests}.summary();
  auto row = at.find(head_name(key));
  if (!row)
    return std::move(row).error();
  const auto kept = decode_head(key.type, row->value_or(""));
  // Nobody has the old secret, so the digest cannot say whether rows of members are missing.
  if (!kept || kept->members != renewed.members || kept->dead != renewed.dead ||
      kept->footprint != renewed.footprint)
    return failure{trouble::corrupted, "the members of " + std::string{to_string(key.type)} + " " +
                                           key.name + " are not those that were written"};
  into.put(head_name(key), encode(renewed));
  return std::nullopt;
}

/// Says that the digests of some values are not made yet: they were not known here, or are not.
std::string no_digests_row() {
  return node_row("no-digests");
}

found<bool> has_row(const snapshot& at, std::string_view name) {
  auto row = at.find(name);
  if (!row)
    return std::move(row).error();
  return row->has_value();
}

/// Nobody here can make the digests of values that this version does not know. What they have would
/// be taken for that of the present secret later, and the value for damaged.
wire::possible<failure> take_digests_of_unknown(store& rows, const snapshot& at) {
  constexpr std::size_t bytes_at_a_time = 1 << 20;
  batch taken;
  wire::possible<failure> failed;
  const auto commit = [&](bool synced) {
    taken.put(no_digests_row(), "");
    failed = rows.commit({std::exchange(taken, {})}, synced);
  };
  const auto [first, end] = all_heads();
  const auto unreadable = at.scan(first, end, [&](std::string_view name, std::string_view row) {
    const auto key = key_of_head(name);
    if (key && (!crdt::is_known(key->type) || is_of_newer_format(key->type, row)))
      taken.put(name, without_digest(row));
    if (taken.bytes() >= bytes_at_a_time)
      commit(false);
    return !failed;
  });
  if (!failed && !taken.empty())
    commit(true);
  return unreadable ? unreadable : failed;
}

/// What differs between secrets.
std::string sign_of(const replication::digester& digests) {
  wire::writer out;
  out.varint(digests.fingerprint());
  return std::move(out).take();
}

} // namespace

std::string_view to_string(renewal::cause what) {
  switch (what) {
  case renewal::cause::asked_for:
    return "asked-for";
  case renewal::cause::damaged:
    return "damaged";
  case renewal::cause::unsynced:
    return "unsynced";
  case renewal::cause::another_disk:
    return "another-disk";
  case renewal::cause::set_back:
    return "set-back";
  case renewal::cause::not_confirmed:
    return "not-confirmed";
  }
  return "unknown";
}

bool shows_loss(renewal::cause what) {
  return what != renewal::cause::not_confirmed;
}

std::string replica_row() {
  return node_row("replica");
}

found<taken_up> adopt_replica(store& rows, const evidence& seen, bool is_careful,
                              const crdt::replica_id& fresh, const std::optional<life>& next) {
  auto read = read_record(rows);
  if (!read)
    return std::move(read).error();
  const auto& before = *read;
  taken_up result{.id = fresh, .is_fresh = true};
  if (before.is_there)
    result.renewed = doubt_about(before, seen);
  if (before.is_there && !result.renewed)
    result = {.id = before.content->id};
  auto kept = seen;
  if (next)
    kept.lives.push_back(*next);
  auto change = keeping_replica(kept, is_careful, result.id);
  if (result.is_fresh)
    forget_kept_since(change);
  if (result.is_fresh && before.content)
    if (auto failed = keep_count_of(before.content->id, *rows.now(), change))
      return std::move(*failed);
  if (auto failed = rows.commit({change}, true))
    return std::move(*failed);
  return result;
}

batch keeping_replica(const evidence& seen, bool is_careful, const crdt::replica_id& id) {
  batch result;
  result.put(replica_row(), encode({id, seen, is_careful}));
  return result;
}

wire::possible<failure> keep_replica(store& rows, const evidence& seen, bool is_careful,
                                     const crdt::replica_id& id) {
  return rows.commit({keeping_replica(seen, is_careful, id)}, true);
}

bool shows_lost_events(const crdt::value& news, const held_value& now,
                       const crdt::replica_id& self) {
  return news.visit([&](const auto& state, auto which) -> bool {
    using T = typename decltype(which)::type;
    return T::shows_lost_events(state, now.value().as<typename T::state>(), self);
  });
}

wire::possible<failure> close_in_order(store& rows) {
  auto read = read_record(rows);
  if (!read)
    return std::move(read).error();
  auto known = read->content;
  if (!known || known->is_certain)
    return std::nullopt;
  known->is_certain = true;
  return put(rows, replica_row(), encode(*known));
}

found<digest_secret> secret_of_digests(const snapshot& at, const replication::digester& digests) {
  auto known = at.find(secret_row());
  if (!known)
    return std::move(known).error();
  const auto& sign = *known;
  if (!sign)
    return digest_secret::unknown;
  return *sign == sign_of(digests) ? digest_secret::ours : digest_secret::another;
}

void put_secret(batch& into, const replication::digester& digests) {
  into.put(secret_row(), sign_of(digests));
}

wire::possible<failure> renew_digests(store& rows, const replication::digester& digests) {
  const auto at = rows.now();
  auto known = secret_of_digests(*at, digests);
  if (!known)
    return std::move(known).error();
  const auto secret = *known;
  auto some_lack_theirs = has_row(*at, no_digests_row());
  if (!some_lack_theirs)
    return std::move(some_lack_theirs).error();
  const bool is_ours = secret == digest_secret::ours;
  if (is_ours && !*some_lack_theirs)
    return std::nullopt;
  if (secret == digest_secret::unknown) {
    auto any = read_digests(*at, std::nullopt, 1);
    if (!any)
      return std::move(any).error();
    if (const auto& page = *any; !page.keys.empty() || page.unknown > 0)
      return failure{trouble::corrupted, "there are keys, but no row says of which secret their "
                                         "digests are: other rows may be missing, too"};
  }
  // From here to the end the digests are of two secrets. If the process is killed meanwhile, they
  // are made anew at the next start, whatever its secret.
  if (secret == digest_secret::another)
    if (auto failed = put(rows, secret_row(), "digests of two secrets"))
      return failed;
  if (!is_ours) {
    if (auto failed = take_digests_of_unknown(rows, *at))
      return failed;
  }
  constexpr std::size_t keys_at_a_time = 1000;
  std::optional<crdt::key> after;
  std::uint64_t unknown = 0;
  while (true) {
    auto read = read_digests(*at, after, keys_at_a_time);
    if (!read)
      return std::move(read).error();
    const auto& page = *read;
    unknown += page.unknown;
    batch renewed;
    for (const auto& [key, digest] : page.keys)
      if (!is_ours || digest == replication::digest{})
        if (auto failed = renew_digest(*at, key, digests, renewed))
          return failed;
    if (page.keys.empty()) {
      put_secret(renewed, digests);
      if (unknown == 0)
        renewed.erase(no_digests_row());
      return rows.commit({renewed}, true);
    }
    after = page.keys.back().first;
    if (renewed.empty())
      continue;
    if (auto failed = rows.commit({renewed}, false))
      return failed;
  }
}

} // namespace starling::storage
