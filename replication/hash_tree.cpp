#include "replication/hash_tree.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

namespace {

/// The bit that decides between the halves of a node at this depth.
std::size_t bit(std::uint64_t position, unsigned depth) {
  return position >> (hash_tree::depth_max - 1 - depth) & 1;
}

bool contains(const range& r, std::uint64_t position) {
  return r.depth == 0 || position >> (hash_tree::depth_max - r.depth) == r.prefix;
}

} // namespace

hash_tree::hash_tree() : root_(std::make_unique<node>()) {}

void hash_tree::set(std::uint64_t position, std::string_view name, const digest& d) {
  const auto before = find(position, name);
  if (before == d)
    return;
  const bool was_here = before != digest{};
  const bool is_here = d != digest{};

  const auto update = [&](node& n) {
    n.all.sum += d - before;
    n.all.count = n.all.count + (is_here ? 1 : 0) - (was_here ? 1 : 0);
  };
  auto* n = root_.get();
  unsigned depth = 0;
  for (update(*n); n->halves[0]; ++depth) {
    if (n->all.count <= slots_max) { // the one to be erased was one too many
      node whole;
      gather(*n, whole);
      whole.all = n->all;
      *n = std::move(whole);
      break;
    }
    n = n->halves[bit(position, depth)].get();
    update(*n);
  }

  if (!was_here) {
    insert(*n, position, name, d);
    if (n->slots.size() > slots_max)
      split(*n, depth);
    return;
  }
  const auto place = place_of(*n, position, name);
  if (is_here)
    n->slots[place].digest = d;
  else
    erase(*n, place);
}

digest hash_tree::find(std::uint64_t position, std::string_view name) const {
  const auto& n = nearest({depth_max, position});
  const auto place = place_of(n, position, name);
  return has(n, place, position, name) ? n.slots[place].digest : digest{};
}

hash_tree::summary hash_tree::of(const range& r) const {
  const auto& n = nearest(r);
  if (n.halves[0])
    return n.all;
  summary result;
  for (const auto& s : n.slots)
    if (contains(r, s.position)) {
      result.sum += s.digest;
      ++result.count;
    }
  return result;
}

void hash_tree::visit(const range& r, const std::function<void(const entry&)>& see) const {
  visit_all(nearest(r), [&](const entry& e) {
    if (contains(r, e.position))
      see(e);
  });
}

void hash_tree::visit_all(const node& n, const std::function<void(const entry&)>& see) {
  for (const auto& half : n.halves)
    if (half)
      visit_all(*half, see);
  for (const auto& s : n.slots)
    see({s.position, s.digest, std::string{name_of(n, s)}});
}

/// The node of this range, or the one without halves that the range is a part of.
const hash_tree::node& hash_tree::nearest(const range& r) const {
  const auto* n = root_.get();
  for (unsigned depth = 0; depth < r.depth && n->halves[0]; ++depth)
    n = n->halves[r.prefix >> (r.depth - 1 - depth) & 1].get();
  return *n;
}

// -- the entries of one node --

std::string_view hash_tree::name_of(const node& n, const slot& s) {
  return {n.names.data() + s.name_begin, s.name_size};
}

/// Where an entry is, or would be.
std::size_t hash_tree::place_of(const node& n, std::uint64_t position, std::string_view name) {
  const auto at = std::partition_point(n.slots.begin(), n.slots.end(), [&](const slot& s) {
    return s.position != position ? s.position < position : name_of(n, s).compare(name) < 0;
  });
  return static_cast<std::size_t>(at - n.slots.begin());
}

bool hash_tree::has(const node& n, std::size_t place, std::uint64_t position,
                    std::string_view name) {
  return place < n.slots.size() && n.slots[place].position == position &&
         name_of(n, n.slots[place]) == name;
}

void hash_tree::insert(node& n, std::uint64_t position, std::string_view name, const digest& d) {
  // Almost all memory of a tree is here, so it does not grow to twice its size.
  auto& [all, halves, slots, names] = n;
  if (slots.size() == slots.capacity())
    slots.reserve(slots.size() + 4);
  if (names.capacity() - names.size() < name.size())
    names.reserve(names.size() + 4 * name.size());
  const auto place = place_of(n, position, name);
  slots.insert(slots.begin() + static_cast<std::ptrdiff_t>(place),
               {position, d, static_cast<std::uint32_t>(names.size()),
                static_cast<std::uint32_t>(name.size())});
  names.insert(names.end(), name.begin(), name.end());
}

void hash_tree::erase(node& n, std::size_t place) {
  const auto gone = n.slots[place];
  n.slots.erase(n.slots.begin() + static_cast<std::ptrdiff_t>(place));
  const auto begin = n.names.begin() + gone.name_begin;
  n.names.erase(begin, begin + gone.name_size);
  for (auto& s : n.slots)
    if (s.name_begin > gone.name_begin)
      s.name_begin -= gone.name_size;
}

void hash_tree::split(node& n, unsigned depth) {
  if (depth == depth_max)
    return;
  const auto whole = std::exchange(n, {});
  n.all = whole.all;
  for (auto& half : n.halves)
    half = std::make_unique<node>();
  for (const auto& s : whole.slots) {
    auto& half = *n.halves[bit(s.position, depth)];
    half.all.sum += s.digest;
    ++half.all.count;
    insert(half, s.position, name_of(whole, s), s.digest);
  }
  for (auto& half : n.halves)
    if (half->slots.size() > slots_max)
      split(*half, depth + 1);
}

/// Adds the entries in and below a node.
void hash_tree::gather(const node& from, node& into) {
  for (const auto& half : from.halves)
    if (half)
      gather(*half, into);
  for (const auto& s : from.slots)
    insert(into, s.position, name_of(from, s), s.digest);
}

} // namespace starling::replication
