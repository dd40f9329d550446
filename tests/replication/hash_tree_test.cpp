#include "replication/hash_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

namespace starling::replication {
namespace {

using entries = std::vector<hash_tree::entry>;

entries all_in(const hash_tree& tree, const range& r) {
  entries result;
  tree.visit(r, [&](const hash_tree::entry& e) { result.push_back(e); });
  return result;
}

/// What a tree should be: the entries in order, summed one by one.
class model {
public:
  void set(std::uint64_t position, const std::string& name, const digest& d) {
    if (d == digest{})
      entries_.erase({position, name});
    else
      entries_[{position, name}] = d;
  }

  entries all_in(const range& r) const {
    entries result;
    for (const auto& [where, d] : entries_)
      if (r.depth == 0 || where.first >> (64 - r.depth) == r.prefix)
        result.push_back({where.first, d, where.second});
    return result;
  }

private:
  std::map<std::pair<std::uint64_t, std::string>, digest> entries_;
};

hash_tree::summary summary_of(const entries& all) {
  hash_tree::summary result{{}, all.size()};
  for (const auto& e : all)
    result.sum += e.digest;
  return result;
}

range range_of(std::uint64_t position, unsigned depth) {
  return {depth, depth == 0 ? 0 : position >> (64 - depth)};
}

TEST(HashTree, IsEmptyAtFirst) {
  const hash_tree tree;

  EXPECT_EQ(tree.root(), digest{});
  EXPECT_EQ(tree.size(), 0u);
  EXPECT_EQ(tree.find(1, "x"), digest{});
  EXPECT_EQ(tree.of({64, 1}), hash_tree::summary{});
}

TEST(HashTree, SumsAndShowsEachRangeAsAPlainListWould) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    hash_tree tree;
    model plain;
    // Few bits make many positions the same, or alike to a great depth.
    const std::uint64_t mask = seed % 4 == 0 ? 0 : UINT64_MAX << (seed % 3 * 24) >> (seed % 2 * 30);
    const std::size_t names = 10 + random() % 1500;
    std::vector<std::uint64_t> positions(names);
    for (auto& p : positions)
      p = random() & mask;

    for (int step = 0; step < 4000; ++step) {
      const auto i = random() % names;
      const auto name = std::to_string(i);
      const digest d = random() % 3 == 0 || (step / 1000) % 2 == 1 ? digest{} : digest{random(), i};
      tree.set(positions[i], name, d);
      plain.set(positions[i], name, d);
      ASSERT_EQ(tree.find(positions[i], name), d);
      if (step % 100 != 0)
        continue;
      for (const unsigned depth : {0u, 1u, 3u, 7u, 20u, 40u, 63u, 64u}) {
        const auto r = range_of(positions[random() % names] ^ random() % 3, depth);
        const auto expected = plain.all_in(r);
        ASSERT_EQ(all_in(tree, r), expected);
        ASSERT_EQ(tree.of(r), summary_of(expected));
      }
      ASSERT_EQ((hash_tree::summary{tree.root(), tree.size()}), tree.of({}));
    }
  }
}

TEST(HashTree, IsTheSameForTheSameContentsWhateverItsHistory) {
  std::mt19937_64 random{5};
  entries wanted;
  for (int i = 0; i < 3000; ++i)
    wanted.push_back({random(), {random(), random()}, std::to_string(i)});
  hash_tree straight;
  for (const auto& e : wanted)
    straight.set(e.position, e.name, e.digest);

  std::shuffle(wanted.begin(), wanted.end(), random);
  hash_tree devious;
  for (int i = 0; i < 9000; ++i)
    devious.set(random(), "passing", {1, 1});
  for (const auto& e : wanted) {
    devious.set(e.position, e.name, {7, 7});
    devious.set(e.position, e.name, e.digest);
  }
  for (const auto& e : all_in(devious, {}))
    if (e.name == "passing")
      devious.erase(e.position, e.name);

  EXPECT_EQ(devious.root(), straight.root());
  EXPECT_EQ(devious.size(), straight.size());
  EXPECT_EQ(all_in(devious, {}), all_in(straight, {}));
  for (int i = 0; i < 1000; ++i) {
    const auto r = range_of(random(), static_cast<unsigned>(random() % 16));
    EXPECT_EQ(devious.of(r), straight.of(r));
  }
}

TEST(HashTree, ErasingUndoesSetting) {
  std::mt19937_64 random{6};
  hash_tree tree;
  tree.set(1, "stays", {3, 4});
  for (int i = 0; i < 500; ++i)
    tree.set(random(), "x", {random(), random()});
  EXPECT_EQ(tree.size(), 501u);

  for (const auto& e : all_in(tree, {}))
    if (e.name == "x")
      tree.erase(e.position, e.name);

  EXPECT_EQ(tree.root(), (digest{3, 4}));
  EXPECT_EQ(tree.size(), 1u);
}

TEST(HashTree, ErasingWhatIsNotThereChangesNothing) {
  hash_tree tree;
  tree.set(1, "a", {1, 2});

  tree.erase(1, "b");
  tree.erase(2, "a");

  EXPECT_EQ(tree.root(), (digest{1, 2}));
  EXPECT_EQ(tree.size(), 1u);
}

TEST(HashTree, HoldsManyNamesAtOnePosition) {
  hash_tree tree;
  for (std::uint64_t i = 1; i <= 100; ++i)
    tree.set(UINT64_MAX, std::to_string(i), {0, i});

  EXPECT_EQ(tree.of({64, UINT64_MAX}), (hash_tree::summary{{0, 5050}, 100}));
  EXPECT_EQ(tree.of({64, UINT64_MAX - 1}), hash_tree::summary{});
  for (std::uint64_t i = 1; i <= 99; ++i)
    tree.erase(UINT64_MAX, std::to_string(i));
  EXPECT_EQ(tree.of({1, 1}), (hash_tree::summary{{0, 100}, 1}));
}

} // namespace
} // namespace starling::replication
