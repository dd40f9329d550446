#include "replication/repair.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace starling::replication {
namespace {

using namespace std::string_literals;

using names = std::set<std::string>;

constexpr std::size_t usual = 256 * 1024;

struct outcome {
  names sent;   // named to the asking side
  names wanted; // named to the answering side
  std::size_t requests = 0;
  std::size_t bytes = 0;
};

void add(names& to, const std::vector<std::string>& more) {
  for (const auto& name : more)
    EXPECT_TRUE(to.insert(name).second) << name << " is named twice";
}

template <class T>
T decoded(wire::decoded<T> x) {
  EXPECT_TRUE(std::holds_alternative<T>(x)) << std::get<wire::decode_error>(x).what;
  return std::get<T>(std::move(x));
}

/// Walks by encoded messages of at most `limit` bytes.
outcome walk(repair_walk w, const hash_tree& asking, const hash_tree& answering,
             std::size_t limit) {
  outcome result;
  while (const auto& request = w.next(asking)) {
    const auto question = encode(*request);
    const auto there = decoded(decode_repair_request(question));
    EXPECT_EQ(there, *request);
    auto reply = answer_to(there, answering, limit);
    const auto answer = encode(reply.answer);
    const auto back = decoded(decode_repair_answer(answer));
    EXPECT_EQ(back, reply.answer);
    EXPECT_LE(question.size(), limit);
    EXPECT_LE(answer.size(), limit);
    result.bytes += question.size() + answer.size();

    auto taken = w.answered(asking, back);
    if (!taken) {
      ADD_FAILURE() << "an answer does not fit its request";
      break;
    }
    add(result.sent, taken->take_names(asking, SIZE_MAX));
    add(result.wanted, reply.wanted.take_names(answering, SIZE_MAX));
    if (++result.requests > 10'000) {
      ADD_FAILURE() << "the walk does not end";
      break;
    }
  }
  return result;
}

outcome walk(const hash_tree& asking, const hash_tree& answering, std::size_t limit = usual) {
  return walk(repair_walk{limit}, asking, answering, limit);
}

std::map<std::string, hash_tree::entry> contents(const hash_tree& tree) {
  std::map<std::string, hash_tree::entry> result;
  tree.visit({}, [&](const hash_tree::entry& e) { result.emplace(e.name, e); });
  return result;
}

/// The names in `a` that `b` lacks or has otherwise.
names only_in(const hash_tree& a, const hash_tree& b, const range& where = {}) {
  names result;
  a.visit(where, [&](const hash_tree::entry& e) {
    if (b.find(e.position, e.name) != e.digest)
      result.insert(e.name);
  });
  return result;
}

void expect_exact(const hash_tree& a, const hash_tree& b, std::size_t limit = usual) {
  const auto found = walk(a, b, limit);
  EXPECT_EQ(found.sent, only_in(a, b));
  EXPECT_EQ(found.wanted, only_in(b, a));
}

struct pair {
  hash_tree a;
  hash_tree b;
};

/// Two trees of about `size` entries, of which a part of `differ` (of 1) differs: in its digest, or
/// being on one side only.
pair random_pair(std::mt19937_64& random, std::size_t size, double differ) {
  std::uniform_real_distribution<double> fraction;
  pair result;
  for (std::size_t i = 0; i < size; ++i) {
    const auto position = random();
    const auto name = std::to_string(i);
    const digest d{random(), random()};
    const auto kind = fraction(random) < differ ? random() % 3 : 3;
    if (kind != 0)
      result.a.set(position, name, d);
    if (kind != 1)
      result.b.set(position, name, kind == 2 ? digest{random(), random()} : d);
  }
  return result;
}

TEST(Repair, NamesExactlyWhatDiffersBetweenRandomTrees) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    const std::size_t sizes[] = {0, 1, 2, 7, 40, 300, 5000};
    const double parts[] = {0, 0.001, 0.01, 0.1, 0.5, 1};
    const auto [a, b] = random_pair(random, sizes[seed % 7], parts[random() % 6]);
    expect_exact(a, b);
    expect_exact(b, a);
    expect_exact(a, b, repair_message_bytes_min);
  }
}

// As where all keys share a tag: their positions begin with the same slot, or are the same for
// long.
TEST(Repair, NamesExactlyWhatDiffersWherePositionsLieCloseTogether) {
  for (const unsigned shared_bits : {14u, 40u}) {
    std::mt19937_64 random{shared_bits};
    pair close;
    for (std::size_t i = 0; i < 3000; ++i) {
      const auto position = 0xe97cab5ddc7fc40a ^ random() >> shared_bits;
      const digest d{random(), random()};
      close.a.set(position, std::to_string(i), d);
      close.b.set(position, std::to_string(i), i % 100 == 0 ? digest{random(), random()} : d);
    }
    expect_exact(close.a, close.b);
    expect_exact(close.a, close.b, repair_message_bytes_min);
    EXPECT_LE(walk(close.a, close.b).requests, 16u) << shared_bits;
  }
}

TEST(Repair, OfEqualTreesTakesOneMessage) {
  std::mt19937_64 random{1};
  const auto [a, b] = random_pair(random, 3000, 0);
  const auto found = walk(a, b);

  EXPECT_EQ(found.requests, 1u);
  EXPECT_LT(found.bytes, 1400u);
  EXPECT_TRUE(found.sent.empty() && found.wanted.empty());
}

TEST(Repair, BetweenAllAndNothingTakesTwoMessages) {
  std::mt19937_64 random{1};
  const auto [full, same] = random_pair(random, 5000, 0);
  const hash_tree empty;

  EXPECT_LE(walk(full, empty).requests, 2u);
  EXPECT_LE(walk(empty, full).requests, 2u);
  expect_exact(full, empty);
  expect_exact(empty, full);
  expect_exact(empty, empty);
}

TEST(Repair, FindsOneSideMuchLargerThanTheOther) {
  std::mt19937_64 random{2};
  hash_tree few;
  hash_tree many;
  for (int i = 0; i < 5000; ++i) {
    const auto position = random();
    const digest d{random(), random()};
    many.set(position, std::to_string(i), d);
    if (i % 500 == 0)
      few.set(position, std::to_string(i), d);
  }

  for (const auto limit : {usual, repair_message_bytes_min}) {
    expect_exact(few, many, limit);
    expect_exact(many, few, limit);
  }
}

TEST(Repair, FindsEntriesAtOnePosition) {
  hash_tree a;
  hash_tree b;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    a.set(42, std::to_string(i), {1, i});
    b.set(42, std::to_string(i), {i % 5 == 0 ? 2u : 1u, i % 5 == 0 ? i + 100 : i});
  }
  b.set(43, "neighbour", {5, 5});

  expect_exact(a, b);
  expect_exact(b, a);
}

TEST(Repair, NamesAllOfAPositionThatHoldsTooManyToList) {
  hash_tree a;
  hash_tree b;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    a.set(42, std::to_string(i), {1, i});
    b.set(42, std::to_string(i), {1, i == 50 ? 1000 : i});
  }

  EXPECT_EQ(walk(a, b).sent.size(), 100u);
  EXPECT_EQ(walk(a, b).wanted.size(), 100u);
}

TEST(Repair, FindsADifferenceThatTheItemsOfAListDoNotShow) {
  // The same lowest 32 bits.
  hash_tree a;
  hash_tree b;
  for (std::uint64_t i = 0; i < 4; ++i) {
    a.set(i << 62, std::to_string(i), {1, 10 + i});
    b.set(i << 62, std::to_string(i), {1, 10 + i});
  }
  a.set(1, "x", {1, 7});
  b.set(1, "x", {1, 7 | std::uint64_t{1} << 40});

  const auto found = walk(a, b);

  EXPECT_TRUE(found.sent.contains("x"));
  EXPECT_TRUE(found.wanted.contains("x"));
}

TEST(Repair, AsksTheSameAgainUntilTheAnswerIsTaken) {
  std::mt19937_64 random{3};
  const auto [a, b] = random_pair(random, 1000, 0.1);
  repair_walk w{usual};

  const auto first = w.next(a);
  EXPECT_EQ(w.next(a), first);
  EXPECT_TRUE(w.answered(a, answer_to(*first, b, usual).answer));
  EXPECT_NE(w.next(a), first);
}

TEST(Repair, RefusesAnAnswerThatDoesNotFitItsRequest) {
  std::mt19937_64 random{4};
  const auto [a, b] = random_pair(random, 1000, 0.1);
  repair_walk w{usual};
  const auto request = *w.next(a);
  const auto good = answer_to(request, b, usual).answer;

  auto rootless = good;
  rootless.root.reset();
  auto cut = good;
  cut.sums.pop_back();
  auto listed = good;
  listed.lists.emplace_back();
  for (const auto& bad : {rootless, cut, listed, repair_answer{good.root, {}, {}}})
    EXPECT_FALSE(w.answered(a, bad));
  EXPECT_TRUE(w.answered(a, good));
  EXPECT_FALSE(w.answered(a, good)); // nothing was asked since
}

TEST(Repair, AsksAgainForWhatTheOtherSidesSmallerMessagesDoNotHold) {
  std::mt19937_64 random{5};
  const auto [a, b] = random_pair(random, 5000, 0.5);
  outcome found;
  repair_walk w{usual};
  while (const auto& request = w.next(a)) {
    auto reply = answer_to(*request, b, repair_message_bytes_min);
    EXPECT_LE(encode(reply.answer).size(), repair_message_bytes_min);
    add(found.sent, w.answered(a, reply.answer).value().take_names(a, SIZE_MAX));
    add(found.wanted, reply.wanted.take_names(b, SIZE_MAX));
  }

  EXPECT_EQ(found.sent, only_in(a, b));
  EXPECT_EQ(found.wanted, only_in(b, a));
}

/// Sets in `to` what is named of `from`; the larger digest wins, as a join would have it.
void give(const std::vector<std::string>& named, const hash_tree& from, hash_tree& to) {
  const auto rank = [](const digest& d) { return std::pair{d.high, d.low}; };
  const auto all = contents(from);
  for (const auto& name : named)
    if (const auto found = all.find(name); found != all.end()) {
      const auto& [position, d, _] = found->second;
      if (rank(to.find(position, name)) < rank(d))
        to.set(position, name, d);
    }
}

TEST(Repair, EndsWhileBothTreesChangeAndTheNextOneFindsTheRest) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    auto [a, b] = random_pair(random, 2000, 0.2);
    const auto change = [&](hash_tree& tree) {
      for (int i = 0; i < 20; ++i) {
        const auto which = random() % 500;
        tree.set(std::mt19937_64{which}(), "new" + std::to_string(which), {random(), random()});
      }
    };
    for (const bool changing : {true, false}) {
      repair_walk w{repair_message_bytes_min};
      int requests = 0;
      while (const auto& request = w.next(a)) {
        ASSERT_LT(++requests, 1000);
        auto reply = answer_to(*request, b, repair_message_bytes_min);
        if (changing) {
          change(a);
          change(b);
        }
        auto named = w.answered(a, reply.answer);
        ASSERT_TRUE(named);
        give(named->take_names(a, SIZE_MAX), a, b);
        give(reply.wanted.take_names(b, SIZE_MAX), b, a);
      }
    }
    EXPECT_EQ(a.root(), b.root());
    expect_exact(a, b);
  }
}

TEST(Repair, EndsWhateverTheOtherSideAnswers) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    const auto [a, b] = random_pair(random, 200, 0);
    repair_walk w{usual};
    int requests = 0;
    while (const auto& request = w.next(a)) {
      ASSERT_LT(++requests, 5000);
      auto answer = answer_to(*request, b, usual).answer;
      if (answer.root)
        answer.root = digest{random(), random()};
      for (auto& sum : answer.sums)
        sum = random();
      for (auto& list : answer.lists) {
        if (random() % 2 == 0)
          list.reset();
        else
          list.emplace(random() % 33, static_cast<list_item>(random()));
      }
      ASSERT_TRUE(w.answered(a, answer));
    }
  }
}

TEST(Repair, TakesAboutSixtyBytesForEachOfTwoPercentThatDiffer) {
  std::mt19937_64 random{6};
  const auto [a, b] = random_pair(random, 20'000, 0.02);
  const auto found = walk(a, b);
  const auto differ = only_in(a, b).size() + only_in(b, a).size();

  EXPECT_LT(found.bytes, differ * 64);
  EXPECT_LT(found.requests, 20u);
}

// -- over some ranges --

/// Those of so many bits that differ.
std::vector<repair_walk::difference> differences(const hash_tree& a, const hash_tree& b,
                                                 unsigned depth) {
  std::vector<repair_walk::difference> result;
  for (std::uint64_t prefix = 0; prefix >> depth == 0; ++prefix)
    if (const auto theirs = b.of({depth, prefix}).sum.low; theirs != a.of({depth, prefix}).sum.low)
      result.push_back({prefix, theirs});
  return result;
}

TEST(RepairOfRanges, NamesExactlyWhatDiffersInThem) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    const std::size_t sizes[] = {0, 1, 5, 40, 300, 5000};
    const double parts[] = {0.001, 0.01, 0.1, 1};
    const auto [a, b] = random_pair(random, sizes[seed % 6], parts[random() % 4]);
    const auto depth = static_cast<unsigned>(1 + random() % 12);
    const auto limit = seed % 2 == 0 ? usual : repair_message_bytes_min;

    auto some = differences(a, b, depth);
    const auto all = walk(repair_walk{limit, depth, some}, a, b, limit);
    EXPECT_EQ(all.sent, only_in(a, b));
    EXPECT_EQ(all.wanted, only_in(b, a));

    std::erase_if(some, [&](const auto&) { return random() % 2 == 0; });
    names sent;
    names wanted;
    for (const auto& d : some) {
      sent.merge(only_in(a, b, {depth, d.prefix}));
      wanted.merge(only_in(b, a, {depth, d.prefix}));
    }
    const auto found = walk(repair_walk{limit, depth, some}, a, b, limit);
    EXPECT_EQ(found.sent, sent);
    EXPECT_EQ(found.wanted, wanted);
  }
}

TEST(RepairOfRanges, FindsARangeThatOneSideLacks) {
  std::mt19937_64 random{9};
  const hash_tree empty;
  for (const std::size_t size : {3, 2000}) {
    const auto [full, same] = random_pair(random, size, 0);
    for (const unsigned depth : {1U, 4U}) {
      const auto sends = walk({usual, depth, differences(full, empty, depth)}, full, empty, usual);
      EXPECT_EQ(sends.sent, only_in(full, empty));
      EXPECT_TRUE(sends.wanted.empty());
      const auto wants = walk({usual, depth, differences(empty, full, depth)}, empty, full, usual);
      EXPECT_TRUE(wants.sent.empty());
      EXPECT_EQ(wants.wanted, only_in(full, empty));
    }
  }
}

TEST(RepairOfRanges, AsksNothingWhereThereAreNoneOrNoneDiffersAnyMore) {
  std::mt19937_64 random{10};
  auto [a, b] = random_pair(random, 500, 0.1);
  const auto differed = differences(a, b, 6);

  EXPECT_FALSE(repair_walk(usual, 6, {}).next(a));
  EXPECT_FALSE(repair_walk(usual, 6, differed).next(b)); // what the other side had
}

TEST(RepairOfRanges, AsksForNoRoot) {
  std::mt19937_64 random{11};
  const auto [a, b] = random_pair(random, 500, 0.5);
  repair_walk w{usual, 1, differences(a, b, 1)};

  const auto request = *w.next(a);
  EXPECT_EQ(request.depth, 1u);
  auto answer = answer_to(request, b, usual).answer;
  EXPECT_FALSE(answer.root);
  answer.root = b.root();
  EXPECT_FALSE(w.answered(a, answer));
}

TEST(RepairOfRanges, FindsWhatDiffersAtOnePosition) {
  hash_tree a;
  hash_tree b;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    a.set(42, std::to_string(i), {1, i});
    b.set(42, std::to_string(i), {1, i == 5 ? 100 : i});
  }
  const auto theirs = b.of({64, 42}).sum.low;

  const auto found = walk({usual, 64, {{42, theirs}}}, a, b, usual);

  EXPECT_EQ(found.sent, names{"5"});
  EXPECT_EQ(found.wanted, names{"5"});
}

// -- names --

using list = std::vector<std::string>;

TEST(NamedEntries, AreHandedOutBitByBit) {
  const hash_tree none;
  named_entries named{{"a", "b", "c", "d", "e"}, {}};

  EXPECT_EQ(named.take_names(none, 2), (list{"a", "b"}));
  named.add("f");
  EXPECT_EQ(named.take_names(none, 3), (list{"c", "d", "e"}));
  EXPECT_FALSE(named.empty());
  EXPECT_EQ(named.take_names(none, 3), list{"f"});
  EXPECT_TRUE(named.empty());
  EXPECT_EQ(named.take_names(none, 3), list{});
}

TEST(NamedEntries, OfARangeAreHandedOutBitByBitAndOnceEach) {
  std::mt19937_64 random{12};
  const auto tree = random_pair(random, 5000, 0).a;
  list expected;
  for (const auto& r : {range{2, 1}, range{3, 7}})
    tree.visit(r, [&](const hash_tree::entry& e) { expected.push_back(e.name); });

  for (const std::size_t most : {std::size_t{1}, std::size_t{10}, std::size_t{333}, SIZE_MAX}) {
    named_entries named{{}, {{2, 1}, {3, 7}}};
    list found;
    while (!named.empty()) {
      const auto some = named.take_names(tree, most);
      EXPECT_LE(some.size(), most == SIZE_MAX ? most : 2 * most);
      found.insert(found.end(), some.begin(), some.end());
    }
    EXPECT_EQ(found, expected);
  }
}

TEST(NamedEntries, OfARangeAreThoseThatTheTreeHasThen) {
  hash_tree tree;
  tree.set(1, "old", {1, 1});
  named_entries named;
  named.add(range{});
  tree.erase(1, "old");
  tree.set(2, "new", {1, 1});

  EXPECT_EQ(named.take_names(tree, 10), list{"new"});
  EXPECT_TRUE(named.empty());
}

TEST(NamedEntries, OfOnePositionAreHandedOutTogether) {
  hash_tree tree;
  for (int i = 0; i < 100; ++i)
    tree.set(42, std::to_string(i), {1, 1});
  named_entries named;
  named.add(range{});

  EXPECT_EQ(named.take_names(tree, 10).size(), 100u);
  EXPECT_EQ(named.take_names(tree, 10).size(), 0u);
  EXPECT_TRUE(named.empty());
}

TEST(NamedEntries, CanBePutTogether) {
  hash_tree tree;
  tree.set(1, "here", {1, 1});
  named_entries named{{"a"}, {}};
  named.add(named_entries{{"b"}, {range{}}});
  named.add(named_entries{});

  EXPECT_EQ(named.take_names(tree, SIZE_MAX), (list{"a", "b", "here"}));
}

// -- messages --

const repair_request request{10, 2, {0, 1, 1023}, {5}, {{12, {{7, {}}, {300, {0x04030201, 5}}}}}};
const repair_answer answer{
    digest{1, 2}, {0x0807060504030201}, {std::nullopt, std::vector<list_item>{0xff}, {{}}}};

std::string_view refusal(std::string_view bytes) {
  const auto result = decode_repair_request(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

std::string_view refusal_of_answer(std::string_view bytes) {
  const auto result = decode_repair_answer(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

TEST(RepairRequest, HasTheseBytesForEver) {
  const auto expected = "\x01"                 // version
                        "\x0a\x02"             // depth, levels
                        "\x03\x00\x00\xfd\x07" // three to split: 0, 1, 1023
                        "\x01\x05"             // one to list: 5
                        "\x01"                 // one group of wanted entries:
                        "\x0c\x02"             //   depth, two ranges
                        "\x07\x00"             //   all of 7
                        "\xa4\x02\x02"         //   two of 300
                        "\x05\x00\x00\x00\x01\x02\x03\x04"s;
  auto sorted = request;
  std::sort(sorted.wanted[0].ranges[1].items.begin(), sorted.wanted[0].ranges[1].items.end());

  EXPECT_EQ(encode(sorted), expected);
  EXPECT_EQ(decode_repair_request(expected), (wire::decoded<repair_request>{sorted}));
}

TEST(RepairAnswer, HasTheseBytesForEver) {
  const auto expected = "\x01"                             // version
                        "\x01"                             // the root
                        "\x02\x00\x00\x00\x00\x00\x00\x00" //
                        "\x01\x00\x00\x00\x00\x00\x00\x00" //
                        "\x01"                             // one sum
                        "\x01\x02\x03\x04\x05\x06\x07\x08" //
                        "\x03"                             // three lists:
                        "\x00"                             //   too many
                        "\x02\xff\x00\x00\x00"             //   one item
                        "\x01"s;                           //   none

  EXPECT_EQ(encode(answer), expected);
  EXPECT_EQ(decode_repair_answer(expected), (wire::decoded<repair_answer>{answer}));
}

TEST(RepairRequest, IsRefusedWhereverItIsCutOrContinued) {
  repair_request r = request;
  r.wanted[0].ranges[1].items = {5, 6};
  const auto bytes = encode(r);

  EXPECT_EQ(refusal(bytes), "");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
  EXPECT_EQ(refusal(bytes + '\0'), "bytes left over after the value");
}

TEST(RepairAnswer, IsRefusedWhereverItIsCutOrContinued) {
  const auto bytes = encode(answer);

  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal_of_answer(bytes.substr(0, size)), "") << "cut to " << size << " bytes";
  EXPECT_EQ(refusal_of_answer(bytes + '\0'), "bytes left over after the value");
}

TEST(RepairRequest, OutOfBoundsIsRefused) {
  EXPECT_EQ(refusal("\2\0\0\0\0\0"s), "unknown version of the repair format");
  EXPECT_EQ(refusal("\1\x41\0\0\0\0"s), "range is too deep");
  EXPECT_EQ(refusal("\1\0\x09\1\0\0\0"s), "too many levels");
  EXPECT_EQ(refusal("\1\x3f\2\1\0\0\0"s), "too many levels");
  EXPECT_EQ(refusal("\1\0\0\1\0\0\0"s), "levels do not fit the ranges");
  EXPECT_EQ(refusal("\1\0\1\0\0\0"s), "levels do not fit the ranges");
  EXPECT_EQ(refusal("\1\2\1\1\4\0\0"s), "range out of bounds");
  EXPECT_EQ(refusal("\1\2\1\2\3\0\0\0"s), "range out of bounds");
  EXPECT_EQ(refusal("\1\0\0\0\0\1\2\1\4\0"s), "range out of bounds");
  EXPECT_EQ(refusal("\1\0\0\0\0\1\2\0\0\0"s), "group without ranges");
  EXPECT_EQ(refusal("\1\0\0\0\0\1\2\1\0\2\5\0\0\0\5\0\0\0"s), "items are not in ascending order");
  EXPECT_EQ(refusal("\1\0\0\0\0\1\2\1\0\x21"s + std::string(33 * 4, '\0')), "list is too long");
  EXPECT_EQ(refusal("\1\x40\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"s), "");
  EXPECT_EQ(refusal("\1\x40\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0"s),
            "range out of bounds");
}

TEST(RepairAnswer, OutOfBoundsIsRefused) {
  EXPECT_EQ(refusal_of_answer("\2\0\0\0"s), "unknown version of the repair format");
  EXPECT_EQ(refusal_of_answer("\1\2\0\0"s), "neither a root nor none");
  EXPECT_EQ(refusal_of_answer("\1\0\1\0"s), "more items announced than the input can hold");
  EXPECT_EQ(refusal_of_answer("\1\0\0\1\x22"s + std::string(33 * 4, '\0')), "list is too long");
}

TEST(RepairMessages, OfAnyBytesAreRefusedOrHaveOneEncodingAndCanBeUsed) {
  std::mt19937_64 random{8};
  const auto [a, b] = random_pair(random, 500, 0.3);
  auto valid = request;
  valid.wanted[0].ranges[1].items = {5, 6};
  repair_walk w{usual};
  w.next(a);
  int decodable = 0;
  for (int trial = 0; trial < 30'000; ++trial) {
    auto bytes = trial % 2 == 0 ? encode(valid) : encode(answer);
    if (trial % 3 == 0)
      bytes.resize(random() % 60);
    const auto flips = random() % 4;
    for (std::size_t i = 0; i < flips && !bytes.empty(); ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (trial % 30 == 0)
      std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random() % 4); });

    const auto r = decode_repair_request(bytes);
    if (const auto* good = std::get_if<repair_request>(&r)) {
      ++decodable;
      ASSERT_EQ(encode(*good), bytes);
      const auto reply = answer_to(*good, a, repair_message_bytes_min);
      ASSERT_LE(encode(reply.answer).size(), repair_message_bytes_min);
    }
    const auto x = decode_repair_answer(bytes);
    if (const auto* good = std::get_if<repair_answer>(&x)) {
      ++decodable;
      ASSERT_EQ(encode(*good), bytes);
      if (w.answered(a, *good))
        w.next(a);
    }
  }
  EXPECT_GT(decodable, 1000);
}

} // namespace
} // namespace starling::replication
