#pragma once

// Finding many names in a sorted container, one after the other. Where the names ascend and lie
// close together, each takes a step or two instead of a search from the root.

#include <iterator>

namespace starling::crdt {

/// The name of an element of a map, and of a set.
template <class Name, class Value>
const Name& name_of_element(const std::pair<const Name, Value>& element) {
  return element.first;
}
template <class Name>
const Name& name_of_element(const Name& element) {
  return element;
}

/// The first element that is not before `name`, as `lower_bound` finds it; `near` is where the
/// caller believes it to be, a little further on at most.
template <class Container, class Position, class Name>
Position seek(Container& in, Position near, const Name& name) {
  constexpr int steps_max = 4;
  const auto is_before = [&](Position at) { return name_of_element(*at) < name; };
  if (near == in.end() || !is_before(near)) {
    const bool is_it = near == in.begin() || (near != in.end() && name_of_element(*near) == name) ||
                       is_before(std::prev(near));
    return is_it ? near : in.lower_bound(name);
  }
  for (int steps = 0; near != in.end() && is_before(near); ++near)
    if (++steps > steps_max)
      return in.lower_bound(name);
  return near;
}

} // namespace starling::crdt
