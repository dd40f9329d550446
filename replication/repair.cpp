#include "replication/repair.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace starling::replication {

namespace {

constexpr std::uint8_t format_version = 1;

// The asking side has a range listed, instead of split further, when it holds so few entries
// itself.
constexpr std::size_t list_asked_max = 6;

// The other side may hold more; beyond this a list costs more than it saves.
constexpr std::size_t list_items_max = 32;

constexpr unsigned levels_max = 8;

// Each may cost a look at all entries.
constexpr std::size_t wanted_groups_max = 256;

// A packet: an answer that is smaller is not any faster.
constexpr std::size_t packet_bytes = 1400;

// What a message takes beside the ranges in it, at most: version, root, counts, depths.
constexpr std::size_t head_bytes = 64;
constexpr std::size_t prefix_bytes = 10;
constexpr std::size_t sum_bytes = 8;

constexpr std::size_t list_bytes(std::size_t items) {
  return 2 + items * sizeof(list_item);
}

constexpr std::size_t sums_for(unsigned levels) {
  return (std::size_t{1} << levels) - 1;
}

list_item item_of(const digest& d) {
  return static_cast<list_item>(d.low);
}

// -- encoding --

template <class T>
void put(wire::writer& out, T x) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out.u8(static_cast<std::uint8_t>(x >> (8 * i)));
}

template <class T>
T get(wire::reader& in) {
  T x = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    x |= static_cast<T>(in.u8()) << (8 * i);
  return x;
}

/// Writes ascending prefixes of one depth.
class prefix_writer {
public:
  void put(wire::writer& out, std::uint64_t prefix) {
    out.varint(prefix - next_);
    next_ = prefix + 1;
  }

private:
  std::uint64_t next_ = 0;
};

/// Reads them again; they come out ascending and below 2^depth, or the reader fails.
class prefix_reader {
public:
  explicit prefix_reader(unsigned depth)
      : last_(depth == 0 ? 0 : UINT64_MAX >> (hash_tree::depth_max - depth)) {}

  std::uint64_t get(wire::reader& in) {
    const auto gap = in.varint();
    if (at_end_ || gap > last_ - next_) {
      in.fail("range out of bounds");
      return 0;
    }
    const auto prefix = next_ + gap;
    at_end_ = prefix == last_;
    next_ = prefix + 1;
    return prefix;
  }

private:
  std::uint64_t last_;
  std::uint64_t next_ = 0;
  bool at_end_ = false;
};

void put_prefixes(wire::writer& out, const std::vector<std::uint64_t>& prefixes) {
  out.varint(prefixes.size());
  prefix_writer writer;
  for (const auto prefix : prefixes)
    writer.put(out, prefix);
}

std::vector<std::uint64_t> get_prefixes(wire::reader& in, unsigned depth) {
  std::vector<std::uint64_t> result;
  prefix_reader prefixes{depth};
  for (auto left = in.count(1); left > 0 && in.ok(); --left)
    result.push_back(prefixes.get(in));
  return result;
}

std::vector<list_item> get_items(wire::reader& in, std::uint64_t count) {
  std::vector<list_item> result;
  if (count > list_items_max)
    in.fail("list is too long");
  for (; count > 0 && in.ok(); --count)
    result.push_back(get<list_item>(in));
  return result;
}

unsigned get_depth(wire::reader& in) {
  const auto depth = in.u8();
  if (depth > hash_tree::depth_max)
    in.fail("range is too deep");
  return in.ok() ? depth : 0;
}

wanted_group get_wanted(wire::reader& in) {
  wanted_group group;
  group.depth = get_depth(in);
  prefix_reader prefixes{group.depth};
  for (auto left = in.count(2); left > 0 && in.ok(); --left) {
    wanted_entries entries;
    entries.prefix = prefixes.get(in);
    entries.items = get_items(in, in.varint());
    if (std::ranges::adjacent_find(entries.items, std::greater_equal{}) != entries.items.end())
      in.fail("items are not in ascending order");
    group.ranges.push_back(std::move(entries));
  }
  if (group.ranges.empty())
    in.fail("group without ranges");
  return group;
}

void expect_version(wire::reader& in) {
  if (in.u8() != format_version)
    in.fail("unknown version of the repair format");
}

} // namespace

std::string encode(const repair_request& r) {
  wire::writer out;
  out.u8(format_version);
  out.u8(static_cast<std::uint8_t>(r.depth));
  out.u8(static_cast<std::uint8_t>(r.levels));
  put_prefixes(out, r.split);
  put_prefixes(out, r.list);
  out.varint(r.wanted.size());
  for (const auto& [depth, ranges] : r.wanted) {
    out.u8(static_cast<std::uint8_t>(depth));
    out.varint(ranges.size());
    prefix_writer prefixes;
    for (const auto& [prefix, items] : ranges) {
      prefixes.put(out, prefix);
      out.varint(items.size());
      for (const auto item : items)
        put(out, item);
    }
  }
  return std::move(out).take();
}

wire::decoded<repair_request> decode_repair_request(std::string_view bytes) {
  wire::reader in{bytes};
  expect_version(in);
  repair_request result;
  result.depth = get_depth(in);
  result.levels = in.u8();
  if (result.levels > levels_max || result.depth + result.levels > hash_tree::depth_max)
    in.fail("too many levels");
  result.split = get_prefixes(in, result.depth);
  if (result.split.empty() != (result.levels == 0))
    in.fail("levels do not fit the ranges");
  result.list = get_prefixes(in, result.depth);
  const auto groups = in.count(4);
  if (groups > wanted_groups_max)
    in.fail("too many groups of wanted entries");
  for (auto left = groups; left > 0 && in.ok(); --left)
    result.wanted.push_back(get_wanted(in));
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

std::string encode(const repair_answer& a) {
  wire::writer out;
  out.u8(format_version);
  out.u8(a.root ? 1 : 0);
  if (a.root) {
    put(out, a.root->low);
    put(out, a.root->high);
  }
  out.varint(a.sums.size());
  for (const auto sum : a.sums)
    put(out, sum);
  out.varint(a.lists.size());
  for (const auto& list : a.lists) {
    out.varint(list ? list->size() + 1 : 0);
    if (list)
      for (const auto item : *list)
        put(out, item);
  }
  return std::move(out).take();
}

wire::decoded<repair_answer> decode_repair_answer(std::string_view bytes) {
  wire::reader in{bytes};
  expect_version(in);
  repair_answer result;
  const auto has_root = in.u8();
  if (has_root > 1)
    in.fail("neither a root nor none");
  if (has_root == 1) {
    const auto low = get<std::uint64_t>(in);
    result.root = digest{get<std::uint64_t>(in), low};
  }
  for (auto left = in.count(sum_bytes); left > 0 && in.ok(); --left)
    result.sums.push_back(get<std::uint64_t>(in));
  for (auto left = in.count(1); left > 0 && in.ok(); --left) {
    const auto coded = in.varint();
    if (coded == 0)
      result.lists.emplace_back(std::nullopt);
    else
      result.lists.emplace_back(get_items(in, coded - 1));
  }
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

// -- names --

void named_entries::add(named_entries more) {
  std::ranges::move(more.names_, std::back_inserter(names_));
  std::ranges::move(more.ranges_, std::back_inserter(ranges_));
}

std::vector<std::string> named_entries::take_names(const joint_tree& mine, std::size_t most) {
  std::vector<std::string> result;
  while (!names_.empty() && result.size() < most) {
    result.push_back(std::move(names_.front()));
    names_.pop_front();
  }
  while (!ranges_.empty() && result.size() < most) {
    const auto [depth, prefix] = ranges_.front();
    ranges_.pop_front();
    if (depth == hash_tree::depth_max || mine.of({depth, prefix}).count <= most)
      mine.visit({depth, prefix}, [&](const hash_tree::entry& e) { result.push_back(e.name); });
    else
      for (const auto half : {1U, 0U})
        ranges_.push_front({depth + 1, prefix << 1 | half});
  }
  return result;
}

// -- the answering side --

namespace {

std::optional<std::vector<list_item>> list_of(const joint_tree& mine, const range& r) {
  if (mine.of(r).count > list_items_max)
    return std::nullopt;
  std::vector<list_item> result;
  mine.visit(r, [&](const hash_tree::entry& e) { result.push_back(item_of(e.digest)); });
  return result;
}

void name_wanted(const joint_tree& mine, unsigned depth, const wanted_entries& entries,
                 named_entries& names) {
  const auto& items = entries.items;
  const range r{depth, entries.prefix};
  if (items.empty())
    return names.add(r);
  mine.visit(r, [&](const hash_tree::entry& e) {
    if (std::binary_search(items.begin(), items.end(), item_of(e.digest)))
      names.add(e.name);
  });
}

} // namespace

repair_reply answer_to(const repair_request& r, const joint_tree& mine, std::size_t message_bytes) {
  assert(message_bytes >= repair_message_bytes_min);
  repair_reply result;
  for (const auto& group : r.wanted)
    for (const auto& entries : group.ranges)
      name_wanted(mine, group.depth, entries, result.wanted);

  auto& answer = result.answer;
  if (r.depth == 0 && !(r.split.empty() && r.list.empty()))
    answer.root = mine.root();
  auto room = message_bytes - head_bytes;
  const auto sums = sums_for(r.levels);
  for (const auto prefix : r.split) {
    if (room < sums * sum_bytes)
      return result;
    room -= sums * sum_bytes;
    for (std::size_t part = 0; part < sums; ++part)
      answer.sums.push_back(mine.of({r.depth + r.levels, prefix << r.levels | part}).sum.low);
  }
  for (const auto prefix : r.list) {
    if (room < list_bytes(list_items_max))
      return result;
    answer.lists.push_back(list_of(mine, {r.depth, prefix}));
    room -= list_bytes(answer.lists.back() ? answer.lists.back()->size() : 0);
  }
  return result;
}

// -- the asking side --

repair_walk::repair_walk(std::size_t message_bytes) : message_bytes_(message_bytes) {
  assert(message_bytes >= repair_message_bytes_min);
  open_.push_back({0, false, {{0, 0}}}); // the sum comes with the root
}

repair_walk::repair_walk(std::size_t message_bytes, unsigned depth,
                         const std::vector<difference>& ranges)
    : message_bytes_(message_bytes) {
  assert(message_bytes >= repair_message_bytes_min);
  assert(depth > 0);
  level all{depth, false, {}};
  for (const auto& [prefix, theirs] : ranges)
    all.ranges.push_back({prefix, theirs});
  open_.push_back(std::move(all));
}

const std::optional<repair_request>& repair_walk::next(const joint_tree& mine) {
  if (!asked_)
    ask(mine);
  return asked_;
}

void repair_walk::ask(const joint_tree& mine) {
  repair_request request;
  auto room = message_bytes_ - head_bytes;
  ask_for_wanted(request, room);
  while (!open_.empty() && request.split.empty() && request.list.empty()) {
    ask_about(mine, open_.back(), request, room);
    if (open_.back().ranges.empty())
      open_.pop_back();
    else
      break; // the message is full
  }
  if (!request.split.empty() || !request.list.empty() || !request.wanted.empty())
    asked_ = std::move(request);
}

/// Asks for as many of the wanted entries as there is room for.
void repair_walk::ask_for_wanted(repair_request& request, std::size_t& room) {
  while (!wanted_.empty() && request.wanted.size() < wanted_groups_max) {
    auto& [depth, ranges] = wanted_.front();
    wanted_group part{depth, {}};
    auto at = ranges.begin();
    std::size_t group_bytes = head_bytes;
    for (; at != ranges.end(); ++at) {
      const auto bytes = prefix_bytes + list_bytes(at->items.size());
      if (room < group_bytes + bytes)
        break;
      room -= group_bytes + bytes;
      group_bytes = 0;
      part.ranges.push_back(std::move(*at));
    }
    ranges.erase(ranges.begin(), at);
    if (!part.ranges.empty())
      request.wanted.push_back(std::move(part));
    if (!wanted_.front().ranges.empty())
      return;
    wanted_.pop_front();
  }
}

/// Asks about as many of the open ranges as there is room for, in the request and in its answer.
void repair_walk::ask_about(const joint_tree& mine, level& from, repair_request& request,
                            std::size_t& room) {
  const auto levels = levels_for(mine, from);
  auto answer_room = message_bytes_ - head_bytes;
  while (!from.ranges.empty()) {
    const auto& open = from.ranges.front();
    const auto ours = mine.of({from.depth, open.prefix});
    const bool is_new = from.depth == 0; // their sum is not known yet
    if (!is_new && ours.sum.low == open.theirs) {
      from.ranges.pop_front(); // became equal meanwhile
      continue;
    }
    const bool as_list = is_to_list(open, from.depth, ours.count);
    const auto answer_bytes = as_list ? list_bytes(list_items_max) : sums_for(levels) * sum_bytes;
    if (room < prefix_bytes || answer_room < answer_bytes)
      return;
    room -= prefix_bytes;
    answer_room -= as_list ? list_bytes(ours.count) : answer_bytes; // about as many as ours
    request.depth = from.depth;
    if (as_list) {
      request.list.push_back(open.prefix);
      asked_list_.push_back(open);
    } else {
      request.levels = levels;
      request.split.push_back(open.prefix);
      asked_split_.push_back(open);
    }
    from.ranges.pop_front();
  }
}

bool repair_walk::is_to_list(const open_range& open, unsigned depth, std::size_t count) {
  return depth == hash_tree::depth_max || (count <= list_asked_max && !open.too_many);
}

/// How often to split the ranges of a level: as often as costs nothing, or else once.
unsigned repair_walk::levels_for(const joint_tree& mine, const level& from) {
  std::size_t ranges = 0;
  std::size_t entries = 0;
  for (const auto& open : from.ranges) {
    const auto count = mine.of({from.depth, open.prefix}).count;
    if (is_to_list(open, from.depth, count))
      continue;
    ++ranges;
    entries += std::max(count, open.too_many ? 2 * list_items_max : 0);
  }
  if (ranges == 0)
    return 0;
  unsigned levels = 1;
  while (levels < levels_max && ranges * sums_for(levels + 1) * sum_bytes <= packet_bytes)
    ++levels;
  if (from.dense) // no part of these is likely to be equal
    levels = std::max(levels, 3U);
  while (levels > 1 && entries / ranges >> levels < list_asked_max / 2)
    --levels; // what is left of them is better listed
  return std::min(levels, hash_tree::depth_max - from.depth);
}

bool repair_walk::fits(const repair_answer& a) const {
  const auto& [depth, levels, split, list, wanted] = *asked_;
  const bool asks = !split.empty() || !list.empty();
  if (a.root.has_value() != (depth == 0 && asks))
    return false;
  const auto sums = sums_for(levels);
  if (levels == 0 ? !a.sums.empty()
                  : a.sums.size() % sums != 0 || a.sums.size() / sums > split.size())
    return false;
  return a.lists.size() <= list.size() && asks == !(a.sums.empty() && a.lists.empty());
}

/// Goes on from what the other side says of the ranges that it was asked about. First come the
/// cases of everything:
///
///  1. The roots are equal, or the other side has nothing, or we have nothing: that settles the
///     comparison.
///
/// Then, of each range that the other side had room for, by its parts:
///
///  2. The sums of a part are equal: the part is done with.
///  3. One side has nothing in the part: the other side's entries are all wanted, or all named.
///  4. Both have something, and it differs: the part is asked about, one step deeper.
///
/// And of each range that was to be listed:
///
///  5. The entries are there: each entry that one side lacks is wanted, or named.
///  6. There were too many to list: the range is split, and asked about again. At the greatest
///     depth nothing can be split, so all of the range goes both ways.
///
/// What the answer had no room for is asked about again.
std::optional<named_entries> repair_walk::answered(const joint_tree& mine, const repair_answer& a) {
  if (!asked_ || !fits(a))
    return std::nullopt;
  const auto depth = asked_->depth;
  const auto levels = asked_->levels;
  asked_.reset();
  auto split = std::exchange(asked_split_, {});
  auto list = std::exchange(asked_list_, {});
  named_entries names;
  if (a.root) {
    if (*a.root == mine.root())
      return names;
    if (*a.root == digest{}) {
      names.add(range{});
      return names;
    }
    if (mine.size() == 0) {
      wanted_.push_back({0, {{0, {}}}});
      return names;
    }
    for (auto* asked : {&split, &list})
      for (auto& open : *asked)
        open.theirs = a.root->low;
  }

  level again{depth, false, {}};
  level deeper{depth + levels, false, {}};
  wanted_group whole_ranges{depth + levels, {}};
  wanted_group items{depth, {}};

  const auto sums = sums_for(levels);
  const auto answered = levels == 0 ? 0 : a.sums.size() / sums;
  auto sum = a.sums.begin();
  for (std::size_t i = 0; i < answered; ++i) {
    auto rest = split[i].theirs; // the last part is not said: it is what the others leave
    for (std::size_t part = 0; part <= sums; ++part) {
      const auto theirs = part < sums ? *sum++ : rest;
      rest -= theirs;
      compare(mine, split[i].prefix << levels | part, theirs, deeper, whole_ranges, names);
    }
  }
  const auto compared = answered * (sums + 1);
  deeper.dense = (deeper.ranges.size() + whole_ranges.ranges.size()) * 20 >= compared * 19;

  for (std::size_t i = 0; i < a.lists.size(); ++i) {
    if (a.lists[i]) {
      compare_lists(mine, depth, list[i], *a.lists[i], items, names);
    } else if (depth == hash_tree::depth_max) { // there is nothing to split
      names.add(range{depth, list[i].prefix});
      items.ranges.push_back({list[i].prefix, {}});
    } else {
      again.ranges.push_back(list[i]);
      again.ranges.back().too_many = true;
    }
  }

  // What the answer had no room for.
  again.ranges.insert(again.ranges.end(), split.begin() + static_cast<std::ptrdiff_t>(answered),
                      split.end());
  again.ranges.insert(again.ranges.end(),
                      list.begin() + static_cast<std::ptrdiff_t>(a.lists.size()), list.end());
  std::sort(again.ranges.begin(), again.ranges.end(),
            [](const open_range& x, const open_range& y) { return x.prefix < y.prefix; });

  for (auto* l : {&again, &deeper})
    if (!l->ranges.empty())
      open_.push_back(std::move(*l));
  for (auto* group : {&whole_ranges, &items})
    if (!group->ranges.empty())
      wanted_.push_back(std::move(*group));
  return names;
}

/// Compares a range by its sum.
void repair_walk::compare(const joint_tree& mine, std::uint64_t prefix, std::uint64_t theirs,
                          level& open, wanted_group& wanted, named_entries& names) {
  const range r{open.depth, prefix};
  const auto ours = mine.of(r);
  if (ours.sum.low == theirs)
    return;
  if (ours.count == 0)
    wanted.ranges.push_back({prefix, {}});
  else if (theirs == 0)
    names.add(r);
  else
    open.ranges.push_back({prefix, theirs});
}

/// Compares a range entry by entry.
void repair_walk::compare_lists(const joint_tree& mine, unsigned depth, const open_range& open,
                                std::vector<list_item> theirs, wanted_group& wanted,
                                named_entries& names) {
  const range r{depth, open.prefix};
  const auto ours = mine.of(r);
  if (ours.sum.low == open.theirs)
    return;
  if (ours.count == 0) {
    wanted.ranges.push_back({open.prefix, {}});
    return;
  }
  bool differs = false;
  mine.visit(r, [&](const hash_tree::entry& e) {
    const auto same = std::find(theirs.begin(), theirs.end(), item_of(e.digest));
    if (same != theirs.end()) {
      theirs.erase(same);
      return;
    }
    names.add(e.name);
    differs = true;
  });
  if (!differs && theirs.empty()) { // 32 bits were too few to tell
    names.add(r);
    wanted.ranges.push_back({open.prefix, {}});
    return;
  }
  if (theirs.empty())
    return;
  std::sort(theirs.begin(), theirs.end());
  theirs.erase(std::unique(theirs.begin(), theirs.end()), theirs.end());
  wanted.ranges.push_back({open.prefix, std::move(theirs)});
}

} // namespace starling::replication
