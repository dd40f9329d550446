#pragma once

// How clients ask for each type of value.
//
// An API of a type is a struct without members (http/api/counter_api.hpp is the shortest): its
// route and methods, the parameters that say how it is shown, the command that a body becomes, and
// the members of the JSON object that shows a view of it, after a read and after a write. A type
// with rows also has a route to one of its members.

#include "crdt/value.hpp"
#include "http/api/counter_api.hpp"
#include "http/api/register_api.hpp"
#include "http/api/set_api.hpp"

#include <concepts>
#include <tuple>

namespace starling::http {

// clang-format off
template <class A>
concept type_api =
    crdt::replicated<typename A::type> &&
    requires(std::string_view body, const crdt::key& key, const wire::secret& secret) {
      { A::route } -> std::convertible_to<std::string_view>; // ends in /{key}
      { A::allow } -> std::convertible_to<std::string_view>;
      { A::parameters.size() } -> std::convertible_to<std::size_t>;
      { A::command_of(body, key, secret, style{}) } -> std::same_as<result<typename A::type::command>>;
    } &&
    (!A::type::has_rows || requires {
      { A::member_route } -> std::convertible_to<std::string_view>; // ends in /members/{member}
      { A::member_allow } -> std::convertible_to<std::string_view>;
    });
// clang-format on

template <type_api... Apis>
struct api_list {
  static_assert(std::array{Apis::type::id...} == crdt::types::ids,
                "an API for each type, in the order of crdt/types.hpp");

  /// Calls `f` with the API at a place of the list, as a `std::type_identity`.
  template <class F>
  static decltype(auto) visit_at(std::size_t place, F&& f) {
    using shared = std::common_type_t<decltype(f(std::type_identity<Apis>{}))...>;
    using call = shared (*)(F&);
    static constexpr std::array<call, sizeof...(Apis)> calls{
        [](F& g) -> shared { return g(std::type_identity<Apis>{}); }...};
    return calls.at(place)(f);
  }

  /// The same with the API of a type. Requires: the type is known.
  template <class F>
  static decltype(auto) visit(crdt::type t, F&& f) {
    return visit_at(*crdt::types::place_of(t), f);
  }
};

/// The API of a new type is one line here and its include, in the order of crdt/types.hpp.
using apis = api_list< //
    counter_api,       //
    register_api,      //
    set_api            //
    >;

} // namespace starling::http
