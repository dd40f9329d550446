#include "keyspace/rest_order.hpp"

#include <gtest/gtest.h>

#include <gmock/gmock.h>
#include <string>
#include <vector>

namespace starling::keyspace {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const crdt::key a{crdt::type::counter, "a"};
const crdt::key b{crdt::type::counter, "b"};
const crdt::key c{crdt::type::counter, "c"};

/// Asks until there is none.
template <class Next>
std::vector<std::string> all(Next next) {
  std::vector<std::string> result;
  while (const auto* key = next())
    result.push_back(key->name);
  return result;
}

TEST(RestOrder, LetsRestWhatWasNotUsedForAWhile) {
  rest_order order{{.awake_max = 10, .rest_after = 5s}};
  const auto first = order.wakes(a, 1s);
  order.wakes(b, 2s);
  order.wakes(c, 3s);
  order.uses(first, 4s);
  const auto idle = [&](auto now) { return all([&] { return order.next_idle(now); }); };

  EXPECT_THAT(idle(6s), IsEmpty());
  EXPECT_THAT(idle(8s), ElementsAre("b", "c"));
  EXPECT_THAT(idle(8s), IsEmpty());
  EXPECT_THAT(idle(9s), ElementsAre("a"));
  EXPECT_EQ(order.size(), 0u);
}

TEST(RestOrder, LetsRestThoseThatAreTooManyButNotTheSparedOne) {
  rest_order order{{.awake_max = 1, .rest_after = 1h}};
  const auto too_many = [&](const crdt::key* spared) {
    return all([&] { return order.next_too_many(spared); });
  };
  const auto first = order.wakes(a, 1s);
  EXPECT_THAT(too_many(&a), IsEmpty());
  order.wakes(b, 2s);
  order.wakes(c, 3s);
  order.uses(first, 4s);
  EXPECT_THAT(too_many(&b), IsEmpty()); // it was used least recently
  EXPECT_THAT(too_many(&c), ElementsAre("b"));
  EXPECT_THAT(too_many(&a), ElementsAre("c"));
  EXPECT_THAT(too_many(nullptr), IsEmpty()); // one may stay
}

TEST(RestOrder, LetsOneAfterTheOtherRestWhereTheyAreTooLarge) {
  rest_order order{{.awake_max = 10, .rest_after = 1h}};
  order.wakes(a, 1s);
  order.wakes(b, 2s);

  EXPECT_EQ(order.next_too_large(&b), &a);
  EXPECT_EQ(order.next_too_large(&b), nullptr);
  EXPECT_EQ(order.next_too_large(nullptr), &b);
  EXPECT_EQ(order.next_too_large(nullptr), nullptr);
}

TEST(RestOrder, KeepsOneThatLeavesOutOfTheOrderUntilItStays) {
  rest_order order{{.awake_max = 1, .rest_after = 5s}};
  const auto first = order.wakes(a, 1s);
  order.wakes(b, 2s);
  ASSERT_EQ(order.next_too_many(&b), &a);
  EXPECT_TRUE(order.leaves(first));
  EXPECT_EQ(order.size(), 1u);

  order.uses(first, 3s); // no reason to stay
  EXPECT_TRUE(order.leaves(first));
  EXPECT_EQ(order.next_too_many(nullptr), nullptr);

  order.stays(first);
  EXPECT_FALSE(order.leaves(first));
  EXPECT_EQ(order.next_too_many(nullptr), &b); // the other one was used before
}

TEST(RestOrder, ForgetsOneThatHasRested) {
  rest_order order{{.awake_max = 0, .rest_after = 1h}};
  const auto first = order.wakes(a, 1s);
  ASSERT_EQ(order.next_too_many(nullptr), &a);
  order.has_rested(first);
  EXPECT_EQ(order.size(), 0u);

  order.wakes(a, 2s);
  EXPECT_EQ(order.size(), 1u);
}

} // namespace
} // namespace starling::keyspace
