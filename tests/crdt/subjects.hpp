#pragma once

// All that the laws (tests/crdt/laws.hpp) are tested on: each type's state by itself, and each type
// through commands on values.

#include "tests/crdt/subject.hpp"

#include <cctype>
#include <string>
#include <tuple>
#include <type_traits>

namespace starling::crdt {

/// The same through commands on values.
template <class Subject>
struct value_subject {
  using state = value;
  using type = typename Subject::type;
  static state bottom() { return value{type::id}; }
  static std::string bytes(const state& x) { return x.encode(); }
  static wire::decoded<state> decode(const std::string& bytes) { return value::decode(bytes); }
  static std::size_t elements_of(std::string_view bytes) { return value::elements_of(bytes); }

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
  static_assert(std::is_same_v<type_list<typename Subjects::type...>, types>,
                "`type_subjects` has a subject for each type of crdt/types.hpp, in the same order");
  using types_under_test = testing::Types<Subjects..., value_subject<Subjects>...>;
};

using subjects = all_subjects<type_subjects>::types_under_test;

/// The subjects of those types that have rows.
template <class Tuple, class... Found>
struct select_subjects_with_rows {
  using types_under_test = testing::Types<Found...>;
};

template <class First, class... Rest, class... Found>
struct select_subjects_with_rows<std::tuple<First, Rest...>, Found...>
    : std::conditional_t<First::type::has_rows,
                         select_subjects_with_rows<std::tuple<Rest...>, Found..., First>,
                         select_subjects_with_rows<std::tuple<Rest...>, Found...>> {};

using subjects_with_rows = select_subjects_with_rows<type_subjects>::types_under_test;

/// What a client may want of a value that it has seen, as the subject of its type has it.
inline command command_for(const value& seen, unsigned choice) {
  return seen.visit([&](const auto& state, auto which) -> command {
    constexpr auto place = *types::place_of(decltype(which)::type::id);
    return std::tuple_element_t<place, type_subjects>::command_of(state, choice);
  });
}

/// Names tests of subjects after their types.
struct names_of_types {
  template <class Subject>
  static std::string GetName(int) {
    auto name = std::string{Subject::type::name};
    name.front() = static_cast<char>(std::toupper(name.front()));
    return name + (std::is_same_v<typename Subject::state, value> ? "Value" : "");
  }
};

} // namespace starling::crdt
