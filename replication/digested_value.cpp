#include "replication/digested_value.hpp"

#include <utility>

namespace starling::replication {

namespace {

/// Does something to a value and brings its digest up to date; `rows` are those of a set that it
/// may change.
template <class Operation>
auto change(const crdt::key& key, crdt::value& value, digest& sum, const digester& digests,
            const set_rows& rows, Operation operation) {
  if (value.type() != crdt::type::set) {
    auto result = operation();
    sum = digests.digest_of(key, value);
    return result;
  }
  const auto& set = value.as<crdt::or_set>();
  sum -= digests.digest_of(key, set, rows);
  auto result = operation();
  sum += digests.digest_of(key, set, rows);
  return result;
}

std::set<crdt::payload> members_of(const crdt::command& c) {
  std::set<crdt::payload> result;
  if (const auto* changes = std::get_if<crdt::set_change>(&c))
    for (const auto* list : {&changes->add, &changes->remove})
      for (const auto& one : *list)
        result.insert(one.member);
  return result;
}

} // namespace

digested_value::digested_value(const crdt::key& key, crdt::value value, const digester& digests)
    : value_(std::move(value)), digest_(digests.digest_of(key, value_)) {}

crdt::outcome digested_value::apply(const crdt::key& key, const crdt::command& c,
                                    const crdt::replica_id& self, crdt::lww_register::stamp wall,
                                    const digester& digests) {
  set_rows rows;
  if (value_.type() == crdt::type::set)
    rows = rows_changed_by(value_.as<crdt::or_set>(), self, members_of(c));
  return change(key, value_, digest_, digests, rows,
                [&] { return crdt::apply(value_, c, self, wall); });
}

std::optional<crdt::value> digested_value::join(const crdt::key& key, const crdt::value& other,
                                                const digester& digests) {
  set_rows rows;
  if (value_.type() == crdt::type::set)
    rows = rows_changed_by(value_.as<crdt::or_set>(), other.as<crdt::or_set>());
  return change(key, value_, digest_, digests, rows, [&] { return value_.join(other); });
}

} // namespace starling::replication
