#pragma once

// The APIs of all types of values: how clients ask for each type.

#include "crdt/value.hpp"
#include "http/api/counter_api.hpp"
#include "http/api/register_api.hpp"
#include "http/api/set_api.hpp"
#include "http/api/type_api.hpp"

#include <array>
#include <type_traits>

namespace starling::http {

/// Fails to compile for a struct that does not fulfil `type_api`, and names it.
template <type_api Api>
inline constexpr bool is_type_api = true;

template <class... Apis>
struct api_list {
  static_assert((is_type_api<Apis> && ...));
  static_assert(std::is_same_v<crdt::type_list<typename Apis::type...>, crdt::types>,
                "`apis` has an API for each type of crdt/types.hpp, in the same order");

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

/// The API of a new type is one line here and its include. The APIs stand in the order of
/// crdt/types.hpp.
using apis = api_list< //
    counter_api,       //
    register_api,      //
    set_api            //
    >;

} // namespace starling::http
