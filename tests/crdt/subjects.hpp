#pragma once

// All that the laws (tests/crdt/laws.hpp) are tested on: each type's state by itself, and each type
// through commands on values.

#include "tests/crdt/subject.hpp"

#include <array>
#include <string>
#include <tuple>

namespace starling::crdt {

/// The same through commands on values.
template <class Subject>
struct value_subject {
  using state = value;
  using type = typename Subject::type;
  static state bottom() { return value{type::id}; }
  static std::string bytes(const state& x) { return x.encode(); }
  static wire::decoded<state> decode(const std::string& bytes) { return value::decode(bytes); }

  static bool is_settled(const state& x) {
    return Subject::is_settled(x.as<typename type::state>());
  }

  static std::optional<state> mutate(state& x, const replica_id& self, const state& seen,
                                     unsigned choice) {
    auto result =
        apply(x, Subject::command_of(seen.as<typename type::state>(), choice), self, wall(choice));
    if (auto* delta = std::get_if<std::optional<value>>(&result))
      return std::move(*delta);
    return std::nullopt;
  }
};

/// The subject of a new type is one line here, in the order of crdt/types.hpp.
using type_subjects = std::tuple< //
    counter_subject,              //
    register_subject,             //
    set_subject                   //
    >;

template <class Tuple>
struct all_subjects;

template <class... Subjects>
struct all_subjects<std::tuple<Subjects...>> {
  static_assert(std::array{Subjects::type::id...} == types::ids, "a subject for each type");
  using types_under_test = testing::Types<Subjects..., value_subject<Subjects>...>;
};

using subjects = all_subjects<type_subjects>::types_under_test;

} // namespace starling::crdt
