#include "bench/repair.hpp"

#include "replication/repair.hpp"
#include "replication/row_repair.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <malloc.h>
#include <random>
#include <set>
#include <string>

namespace starling::bench {

namespace {

using namespace replication;

constexpr std::size_t message_bytes = 256 * 1024;

wire::tag secret() {
  return wire::secret{"bench", "a key for measurements"}.sign("digest", {});
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// One node: counters, each raised by one of a thousand replicas.
struct side {
  digester digests{secret()};
  hash_tree tree;

  void set(std::size_t number, std::int64_t amount, std::uint64_t who) {
    const crdt::key key{crdt::type::counter, name(number)};
    crdt::pn_counter counter;
    counter.add(crdt::replica_id::from(who, number % 1000), amount);
    tree.set(digests.position_of(key), name_of(key), digests.digest_of(key, counter));
  }

  static std::string name(std::size_t number) { return "visitors-" + std::to_string(number); }
};

struct cost {
  std::size_t requests = 0;
  std::size_t bytes = 0;
  std::size_t largest = 0;
  std::set<std::string> sent;   // named to the asking side
  std::set<std::string> wanted; // named to the answering side
  bool named_twice = false;
};

cost walk(const hash_tree& asking, const hash_tree& answering) {
  cost result;
  const auto count = [&](const std::string& bytes) {
    result.bytes += bytes.size();
    result.largest = std::max(result.largest, bytes.size());
  };
  repair_walk w{message_bytes};
  while (const auto& request = w.next(asking)) {
    ++result.requests;
    count(encode(*request));
    auto reply = answer_to(*request, answering, message_bytes);
    count(encode(reply.answer));
    auto names = w.answered(asking, reply.answer);
    if (!names)
      break;
    for (const auto& name : names->take_names(asking, SIZE_MAX))
      result.named_twice |= !result.sent.insert(name).second;
    for (const auto& name : reply.wanted.take_names(answering, SIZE_MAX))
      result.named_twice |= !result.wanted.insert(name).second;
  }
  return result;
}

/// Walks between two nodes of `keys` keys, of which each changed `changed` others.
cost changed_on_each_side(std::size_t keys, std::size_t changed, std::uint64_t seed,
                          std::size_t& differ, bool& exact) {
  side a;
  side b;
  for (std::size_t i = 0; i < keys; ++i) {
    a.set(i, 1, 1);
    b.set(i, 1, 1);
  }
  std::mt19937_64 random{seed};
  std::set<std::size_t> drawn;
  std::set<std::string> different;
  while (drawn.size() < 2 * changed)
    if (const auto i = random() % keys; drawn.insert(i).second) {
      (drawn.size() <= changed ? a : b).set(i, 2, 1);
      different.insert(name_of({crdt::type::counter, side::name(i)}));
    }
  differ = different.size();
  auto result = walk(a.tree, b.tree);
  exact = result.sent == different && result.wanted == different && !result.named_twice;
  return result;
}

int walks(bool check) {
  struct part {
    std::size_t keys;
    std::size_t changed;
  };
  const std::vector<part> parts =
      check ? std::vector<part>{{100'000, 1000}}
            : std::vector<part>{{100'000, 0},      {100'000, 1},      {100'000, 10},
                                {100'000, 100},    {100'000, 1000},   {100'000, 10'000},
                                {100'000, 50'000}, {1'000'000, 1000}, {1'000'000, 10'000}};
  int failures = 0;
  std::puts(
      "Two nodes, each with so many keys changed that the other has as they were. Messages of "
      "at most 256 KiB\n");
  std::puts(
      "| keys | differ | round trips | bytes | largest message | bytes for each that differs |"
      " only what differs |");
  std::puts("|---:|---:|---:|---:|---:|---:|:---|");
  for (const auto& [keys, changed] : parts) {
    std::size_t differ = 0;
    bool exact = false;
    const auto c = changed_on_each_side(keys, changed, 1, differ, exact);
    const auto each =
        differ == 0 ? 0.0 : static_cast<double>(c.bytes) / static_cast<double>(differ);
    std::printf("| %zu | %zu | %zu | %zu | %zu | %.1f | %s |\n", keys, differ, c.requests, c.bytes,
                c.largest, each, exact ? "yes" : "NO");
    const bool holds = exact && c.largest <= message_bytes && (changed != 1000 || each <= 110);
    failures += holds ? 0 : 1;
  }
  std::puts("");
  return failures;
}

/// A set of which each side changed some members that the other has as they were.
int set_walk(bool check) {
  const std::size_t members = check ? 10'000 : 100'000;
  const auto changed = members / 100;
  const crdt::key key{crdt::type::set, "visitors"};
  const auto member = [](std::size_t i) {
    return crdt::payload{crdt::payload_kind::text, side::name(i)};
  };
  crdt::or_set a;
  for (std::size_t i = 0; i < members; ++i)
    a.add(crdt::replica_id::from(1, i % 3), member(i));
  auto b = a;
  for (std::size_t i = 0; i < changed; ++i) {
    a.remove(crdt::replica_id::from(1, 0), member(i), a.context(member(i)));
    b.add(crdt::replica_id::from(2, 0), member(members + i));
  }
  const digester digests{secret()};
  const auto start = std::chrono::steady_clock::now();
  const value_snapshot here{digests, key, a};
  const value_snapshot there{digests, key, b};
  const auto building = seconds_since(start) / 2;
  const auto c = walk(here.rows(), there.rows());
  const std::vector<std::string> sent{c.sent.begin(), c.sent.end()};
  const std::vector<std::string> wanted{c.wanted.begin(), c.wanted.end()};
  const auto to_there = here.rows_of(sent);
  const auto to_here = there.rows_of(wanted);
  const auto rows = encode(to_there).size() + encode(to_here).size();
  const auto whole = crdt::value{a}.encode().size() + crdt::value{b}.encode().size();
  const bool exact =
      here.other_side(sent, {to_here}) == b && there.other_side(wanted, {to_there}) == a;
  std::printf("A set of %zu members, of which one side removed %zu while the other added as many: "
              "%zu round trips, %zu bytes to find them (%.1f for each), %zu bytes of rows; both "
              "whole states are %zu bytes. Put together again: %s. A snapshot takes %.2f s.\n\n",
              members, changed, c.requests, c.bytes,
              static_cast<double>(c.bytes) / static_cast<double>(2 * changed), rows, whole,
              exact ? "yes" : "NO", building);
  return exact ? 0 : 1;
}

void update_cost() {
  std::puts("A tree of 2,000,000 keys\n");
  std::puts("| name, bytes | memory for each key, beside the name | with the name | building, us a "
            "key | a further update, us | digest and position, us |");
  std::puts("|---:|---:|---:|---:|---:|---:|");
  for (const std::size_t length : {12u, 40u}) {
    constexpr std::size_t keys = 2'000'000;
    const auto name = [&](std::size_t i) {
      auto result = std::to_string(i);
      return result.insert(0, length - result.size(), '0');
    };
    std::mt19937_64 random{length};
    const auto before = mallinfo2().uordblks + mallinfo2().hblkhd;
    auto start = std::chrono::steady_clock::now();
    hash_tree tree;
    for (std::size_t i = 0; i < keys; ++i)
      tree.set(i * 0x9e3779b97f4a7c15, name(i), {random(), random()});
    const auto building = seconds_since(start);
    const auto used = mallinfo2().uordblks + mallinfo2().hblkhd - before;

    constexpr std::size_t updates = 200'000;
    start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < updates; ++i) {
      const auto which = random() % keys;
      tree.set(which * 0x9e3779b97f4a7c15, name(which), {random(), random()});
    }
    const auto updating = seconds_since(start);

    const digester digests{secret()};
    crdt::pn_counter counter;
    counter.add(crdt::replica_id::from(1, 1), 1);
    const crdt::value value{counter};
    std::uint64_t sum = 0;
    start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < updates; ++i) {
      const crdt::key key{crdt::type::counter, name(i)};
      sum += digests.digest_of(key, value).low + digests.position_of(key);
    }
    const auto digesting = seconds_since(start);

    const auto each = [](double x, std::size_t n) { return x / static_cast<double>(n); };
    std::printf("| %zu | %.1f | %.1f | %.2f | %.2f | %.2f |%s\n", length,
                each(static_cast<double>(used), keys) - static_cast<double>(length),
                each(static_cast<double>(used), keys), 1e6 * each(building, keys),
                1e6 * each(updating, updates), 1e6 * each(digesting, updates), sum == 0 ? " " : "");
  }
  std::puts("");
}

} // namespace

int repair(bool check) {
  const int failures = walks(check) + set_walk(check);
  if (!check)
    update_cost();
  return failures;
}

} // namespace starling::bench
