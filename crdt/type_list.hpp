#pragma once

// A list of types at compile time, and what is made from it.

#include "crdt/replicated.hpp"
#include "crdt/view_list.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace starling::crdt {

/// Fails to compile for a type that does not fulfil `replicated`, and names it.
template <replicated Type>
inline constexpr bool is_replicated = true;

template <class... Types>
struct type_list {
  static_assert((is_replicated<Types> && ...));

  static constexpr std::size_t size = sizeof...(Types);
  static constexpr std::array<type, size> ids{Types::id...};

  using state = std::variant<typename Types::state...>;
  using command = std::variant<typename Types::command...>;

  /// Calls `f` with the type at a place of the list, as a `std::type_identity`, and returns what
  /// `f` returns. Requires: the list has that place.
  template <class F>
  static decltype(auto) visit_at(std::size_t place, F&& f) {
    using result = std::common_type_t<decltype(f(std::type_identity<Types>{}))...>;
    using call = result (*)(F&);
    static constexpr std::array<call, size> calls{
        [](F& g) -> result { return g(std::type_identity<Types>{}); }...};
    return calls.at(place)(f);
  }

  /// Where a type stands in the list; nothing if the list does not have it.
  static constexpr std::optional<std::size_t> place_of(type id) {
    for (std::size_t i = 0; i < size; ++i)
      if (ids[i] == id)
        return i;
    return std::nullopt;
  }

private:
  static constexpr bool is_ascending() {
    for (std::size_t i = 1; i < size; ++i)
      if (ids[i] <= ids[i - 1])
        return false;
    return true;
  }
  static_assert(is_ascending(), "the types of a list stand in the order of their numbers");
};

/// The types of a list that have rows, and their rows by themselves.
template <class List, class... Found>
struct select_with_rows;

template <class... Found>
struct select_with_rows<type_list<>, Found...> {
  using list = type_list<Found...>;
  using rows = std::variant<rows_of<Found>...>;
};

template <class First, class... Rest, class... Found>
struct select_with_rows<type_list<First, Rest...>, Found...>
    : std::conditional_t<First::has_rows, select_with_rows<type_list<Rest...>, Found..., First>,
                         select_with_rows<type_list<Rest...>, Found...>> {};

/// A variant of all views of all types.
template <class List>
struct views_of;

template <class... Lists>
struct joined_views;

template <class... A>
struct joined_views<view_list<A...>> {
  using variant = std::variant<A...>;
};

template <class... A, class... B, class... Rest>
struct joined_views<view_list<A...>, view_list<B...>, Rest...>
    : joined_views<view_list<A..., B...>, Rest...> {};

template <class... Types>
struct views_of<type_list<Types...>> : joined_views<typename Types::views...> {};

} // namespace starling::crdt
