#include "storage/layout.hpp"
#include "storage/memory_store.hpp"
#include "storage/witnesses.hpp"

#include <gmock/gmock.h>

namespace starling::storage {
namespace {

using replication::session_id;
using testing::ElementsAre;
using testing::IsEmpty;

class Witnesses : public testing::Test {
protected:
  std::vector<session_id> read() const { return std::get<0>(read_witnesses(*rows_.now())); }

  memory_store rows_;
};

TEST_F(Witnesses, AreReadAsTheyWereWritten) {
  EXPECT_THAT(read(), IsEmpty());
  batch row;
  put_witnesses(row, {{300}, {7}});
  ASSERT_FALSE(rows_.commit({row}, true));
  EXPECT_THAT(read(), ElementsAre(session_id{300}, session_id{7}));
}

TEST_F(Witnesses, AreNoneWhereTheRowMakesNoSense) {
  batch row;
  row.put(node_row("witnesses"), "\2\7");
  ASSERT_FALSE(rows_.commit({row}, true));
  EXPECT_THAT(read(), IsEmpty());
}

} // namespace
} // namespace starling::storage
