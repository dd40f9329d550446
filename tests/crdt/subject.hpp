#pragma once

// Subjects of the laws (tests/crdt/laws.hpp): for each type, what its clients do.

#include "crdt/command.hpp"
#include "tests/crdt/laws.hpp"
#include "tests/crdt/names.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace starling::crdt {

inline wall_time wall(unsigned choice) {
  constexpr std::array<wall_time, 5> readings{0, 1000, 1001, lww_register::wall_limit - 1,
                                              ~wall_time{0}};
  return readings[choice % readings.size()];
}

inline const std::array<payload, 4> payloads{text("apple"), text("pear"),
                                             payload{payload_kind::json, "1"},
                                             payload{payload_kind::bytes, {"\0\xff", 2}}};

template <replicated Type>
struct plain_subject {
  using type = Type;
  using state = typename Type::state;
  static state bottom() { return {}; }
  static std::string bytes(const state& x) { return bytes_of(x); }
  static wire::decoded<state> decode(const std::string& bytes) { return decoded<state>(bytes); }
  static std::size_t elements_of(std::string_view bytes) {
    wire::reader in{bytes};
    return Type::elements_of(in);
  }
  static bool is_settled(const state&) { return true; }
};

struct counter_subject : plain_subject<counter_type> {
  static std::int64_t amount(unsigned choice) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    constexpr std::array<std::int64_t, 7> amounts{1, -1, 5, -300, most, -most, -most - 1};
    return amounts[choice % amounts.size()];
  }

  static std::optional<state> mutate(state& x, const replica_id& self, const state&,
                                     unsigned choice) {
    return x.add(self, amount(choice));
  }

  static command command_of(const state&, unsigned choice) { return counter_add{amount(choice)}; }
};

struct register_subject : plain_subject<register_type> {
  static std::optional<state> mutate(state& x, const replica_id& self, const state&,
                                     unsigned choice) {
    return x.assign(self, wall(choice), payloads[choice / 5 % payloads.size()]);
  }

  static command command_of(const state&, unsigned choice) {
    return register_assign{payloads[choice / 5 % payloads.size()]};
  }
};

struct set_subject : plain_subject<set_type> {
  static std::optional<state> mutate(state& x, const replica_id& self, const state& seen,
                                     unsigned choice) {
    const auto& member = payloads[choice / 4 % payloads.size()];
    switch (choice % 4) {
    case 0:
      return x.add(self, member);
    case 1:
      return x.add(self, member, seen.context(member));
    case 2:
      return x.remove(self, member, seen.context(member));
    default:
      return x.join(seen.part({member})); // one member that a repair found different
    }
  }

  static bool is_settled(const state& x) {
    return std::all_of(x.rows().begin(), x.rows().end(),
                       [](const auto& row) {
                         return std::all_of(row.second.begin(), row.second.end(),
                                            [](const auto& e) { return e.live; });
                       }) &&
           std::all_of(x.seen().replicas().begin(), x.seen().replicas().end(),
                       [](const auto& r) { return r.second.prefix() == r.second.last(); });
  }

  static command command_of(const state& seen, unsigned choice) {
    // No member is in both lists or twice in one.
    set_change change;
    for (const auto& member : payloads) {
      auto& list = choice % 2 == 0 ? change.add : change.remove;
      if (choice % 3 == 0)
        list.push_back({member, std::nullopt});
      else if (choice % 3 == 1)
        list.push_back({member, seen.context(member)});
      choice /= 2;
    }
    return change;
  }
};

} // namespace starling::crdt
