#include "storage/identity.hpp"

#include "wire/bytes.hpp"

#include <algorithm>
#include <utility>

namespace starling::storage {

namespace {

/// The row of the replica id.
struct record {
  crdt::replica_id id;
  folder::file_number format_file;
  bool is_certain = false; // whatever happens now, nothing numbered under it gets lost
};

std::string secret_row() {
  return node_row("secret");
}

std::string encode(const record& r) {
  wire::writer out;
  crdt::encode(out, r.id);
  out.varint(r.format_file.device);
  out.varint(r.format_file.inode);
  out.varint(r.format_file.changed_ns);
  out.u8(r.is_certain ? 1 : 0);
  return std::move(out).take();
}

std::optional<record> decode_record(std::string_view bytes) {
  wire::reader in{bytes};
  record result{crdt::decode_replica_id(in), {in.varint(), in.varint(), in.varint()}, in.u8() == 1};
  in.expect_end();
  return in.ok() ? std::optional{result} : std::nullopt;
}

found<std::optional<record>> read_record(const store& rows) {
  auto row = rows.now()->find(replica_row());
  if (auto* why = std::get_if<failure>(&row))
    return std::move(*why);
  const auto& bytes = std::get<0>(row);
  return bytes ? decode_record(*bytes) : std::nullopt;
}

std::optional<failure> put(store& rows, std::string name, std::string value) {
  batch b;
  b.put(std::move(name), std::move(value));
  return rows.commit({b}, true);
}

std::optional<failure> renew_digest(const moment& at, const crdt::key& key,
                                    const replication::digester& digests, batch& into) {
  auto read = read_unchecked(at, key);
  if (auto* why = std::get_if<failure>(&read))
    return std::move(*why);
  if (auto& value = std::get<0>(read))
    into.put(head_name(key), encode(held_value{key, std::move(*value), digests}.summary()));
  return std::nullopt;
}

/// What differs between secrets.
std::string sign_of(const replication::digester& digests) {
  wire::writer out;
  out.varint(digests.position_of("starling"));
  return std::move(out).take();
}

} // namespace

std::string replica_row() {
  return node_row("replica");
}

found<crdt::replica_id> take_up_replica(store& rows, const evidence& seen, bool is_careful,
                                        const crdt::replica_id& fresh) {
  auto read = read_record(rows);
  if (auto* why = std::get_if<failure>(&read))
    return std::move(*why);
  const auto& before = std::get<0>(read);
  const bool keeps =
      seen.is_whole && before && before->is_certain && before->format_file == seen.format_file;
  const auto id = keeps ? before->id : fresh;
  if (auto failed = keep_replica(rows, seen, is_careful, id))
    return std::move(*failed);
  return id;
}

std::optional<failure> keep_replica(store& rows, const evidence& seen, bool is_careful,
                                    const crdt::replica_id& id) {
  return put(rows, replica_row(), encode({id, seen.format_file, is_careful}));
}

bool shows_lost_events(const crdt::value& news, const held_value& now,
                       const crdt::replica_id& self) {
  switch (news.type()) {
  case crdt::type::counter: // nobody else changes our totals
    return news.as<crdt::pn_counter>().entries().contains(self);
  case crdt::type::register_:
    return news.as<crdt::lww_register>().current()->by == self;
  case crdt::type::set: {
    const auto& set = news.as<crdt::or_set>();
    const auto last = now.value().as<crdt::or_set>().seen().last(self);
    return set.seen().replicas().contains(self) ||
           std::ranges::any_of(set.clocks(), [&](const auto& row) {
             return std::ranges::any_of(
                 row.second, [&](const auto& e) { return e.replica == self && e.number > last; });
           });
  }
  }
  return false;
}

std::optional<failure> close_in_order(store& rows) {
  auto read = read_record(rows);
  if (auto* why = std::get_if<failure>(&read))
    return std::move(*why);
  auto known = std::get<0>(read);
  if (!known || known->is_certain)
    return std::nullopt;
  known->is_certain = true;
  return put(rows, replica_row(), encode(*known));
}

found<bool> has_digests_of(const moment& at, const replication::digester& digests) {
  auto known = at.find(secret_row());
  if (auto* why = std::get_if<failure>(&known))
    return std::move(*why);
  return std::get<0>(known) == sign_of(digests);
}

std::optional<failure> renew_digests(store& rows, const replication::digester& digests) {
  const auto at = rows.now();
  auto known = has_digests_of(*at, digests);
  if (auto* why = std::get_if<failure>(&known))
    return std::move(*why);
  if (std::get<bool>(known))
    return std::nullopt;
  constexpr std::size_t keys_at_a_time = 1000;
  std::optional<crdt::key> after;
  while (true) {
    auto page = read_digests(*at, after, keys_at_a_time);
    if (auto* why = std::get_if<failure>(&page))
      return std::move(*why);
    batch renewed;
    for (const auto& [key, digest] : std::get<0>(page)) {
      if (auto failed = renew_digest(*at, key, digests, renewed))
        return failed;
      after = key;
    }
    if (renewed.empty())
      return put(rows, secret_row(), sign_of(digests));
    if (auto failed = rows.commit({renewed}, false))
      return failed;
  }
}

} // namespace starling::storage
