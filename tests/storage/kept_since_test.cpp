#include "storage/identity.hpp"
#include "storage/kept_since.hpp"
#include "storage/memory_store.hpp"

#include <gtest/gtest.h>

namespace starling::storage {
namespace {

using replication::session_id;

const session_id first{11};
const session_id second{12};
const session_id third{13};
const auto id = crdt::replica_id::from(1, 1);
const auto other_id = crdt::replica_id::from(2, 2);

class KeptSince : public testing::Test {
protected:
  session_id adopt(session_id present) {
    return std::get<session_id>(adopt_kept_since(rows_, present));
  }

  memory_store rows_;
};

TEST_F(KeptSince, IsTheFirstSessionOfAll) {
  EXPECT_EQ(adopt(first), first);
  EXPECT_EQ(adopt(second), first);
}

TEST_F(KeptSince, BeginsAnewOnceItIsForgottenOrSaidToDoSo) {
  adopt(first);
  batch change;
  forget_kept_since(change);
  EXPECT_FALSE(rows_.commit({change}, true));
  EXPECT_EQ(adopt(second), second);
  batch later;
  put_kept_since(later, third);
  EXPECT_FALSE(rows_.commit({later}, true));
  EXPECT_EQ(adopt(first), third);
}

TEST_F(KeptSince, GoesOnAsLongAsTheReplicaIdIsKept) {
  constexpr bool is_careful = true;
  const evidence seen{.format_file = {.inode = 1}};
  EXPECT_TRUE(adopt_replica(rows_, seen, is_careful, id));
  EXPECT_EQ(adopt(first), first);
  EXPECT_TRUE(adopt_replica(rows_, seen, is_careful, other_id));
  EXPECT_EQ(adopt(second), first);

  auto damaged = seen;
  damaged.is_whole = false;
  EXPECT_TRUE(adopt_replica(rows_, damaged, is_careful, other_id));
  EXPECT_EQ(adopt(third), third) << "with the commit that takes the new id";
}

TEST_F(KeptSince, HasTheIdsThatWereGivenUpSinceThen) {
  const auto read = [&] { return std::get<0>(read_former_ids(*rows_.now())); };
  const std::vector<replication::tally> former{{id, 3}, {other_id, 300}};
  const auto put = [&](std::vector<replication::tally> ids) {
    batch change;
    put_former_ids(change, ids);
    EXPECT_FALSE(rows_.commit({change}, true));
  };
  EXPECT_TRUE(read().empty());
  put(former);
  EXPECT_EQ(read(), former);
  batch change;
  put_kept_since(change, second);
  EXPECT_FALSE(rows_.commit({change}, true));
  EXPECT_TRUE(read().empty()) << "it begins anew";
  put(former);
  batch forgotten;
  forget_kept_since(forgotten);
  EXPECT_FALSE(rows_.commit({forgotten}, true));
  EXPECT_TRUE(read().empty());

  std::vector<replication::tally> many;
  for (std::uint64_t i = 0; i < former_ids_max + 2; ++i)
    many.push_back({id, i});
  put(many);
  EXPECT_EQ(read(), (std::vector(many.begin() + 2, many.end())));
}

TEST(ShowsLoss, AnyDoubtButThatNobodyHasSaidAnything) {
  for (const auto what : renewal_causes)
    EXPECT_EQ(shows_loss(what), what != renewal::cause::not_confirmed);
}

} // namespace
} // namespace starling::storage
