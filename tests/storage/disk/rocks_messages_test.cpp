#include "storage/disk/rocks_messages.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::storage {
namespace {

class RocksMessages : public testing::Test {
protected:
  std::vector<std::string> told;
  rocks_messages messages{[this](std::string_view text) { told.emplace_back(text); }};
};

TEST_F(RocksMessages, PassOnWarningsAndWorse) {
  using namespace rocksdb;
  Header(&messages, "version %d", 7);
  Debug(&messages, "detail");
  Info(&messages, "compacted %s", "a lot");
  Warn(&messages, "stalls for %d s\n", 3);
  Error(&messages, "cannot write");
  EXPECT_EQ(told, (std::vector<std::string>{"[WARN] stalls for 3 s", "[ERROR] cannot write"}));
}

TEST_F(RocksMessages, AreCutWhereTheyAreVeryLong) {
  rocksdb::Warn(&messages, "%s", std::string(5000, 'x').c_str());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.front().size(), 1023u);
}

TEST_F(RocksMessages, AreCountedWhereTheyAreTheSame) {
  for (int i = 0; i < 150; ++i)
    rocksdb::Warn(&messages, "cannot read a block");
  rocksdb::Warn(&messages, "another");
  rocksdb::Warn(&messages, "cannot read a block");
  EXPECT_EQ(told, (std::vector<std::string>{"[WARN] cannot read a block",
                                            "[WARN] cannot read a block (10 times by now)",
                                            "[WARN] cannot read a block (100 times by now)",
                                            "[WARN] another", "[WARN] cannot read a block"}));
}

TEST(RocksMessagesToNobody, AreDropped) {
  rocks_messages messages{nullptr};
  rocksdb::Error(&messages, "cannot write");
}

} // namespace
} // namespace starling::storage
