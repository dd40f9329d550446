#include "keyspace/fifo.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace starling::keyspace {
namespace {

TEST(Fifo, GivesItemsInTheOrderInWhichTheyCame) {
  fifo<int> queue;
  int next = 0;
  for (int i = 0; i < 1000; ++i) {
    queue.push(i);
    if (i % 3 != 0) {
      EXPECT_EQ(queue.front(), next);
      EXPECT_EQ(queue.pop(), next++);
    }
  }
  EXPECT_EQ(queue.back(), 999);
  while (!queue.empty())
    EXPECT_EQ(queue.pop(), next++);
  EXPECT_EQ(next, 1000);
}

TEST(Fifo, CountsWhatIsInIt) {
  fifo<int> queue;
  EXPECT_TRUE(queue.empty());
  queue.push(1);
  queue.push(2);
  queue.pop();
  EXPECT_EQ(queue.size(), 1u);
}

TEST(Fifo, KeepsNothingThatWasTaken) {
  fifo<std::shared_ptr<int>> queue;
  const auto first = std::make_shared<int>(1);
  queue.push(first);
  for (int i = 0; i < 10; ++i)
    queue.push(nullptr);
  queue.pop();
  EXPECT_EQ(first.use_count(), 1);
}

} // namespace
} // namespace starling::keyspace
