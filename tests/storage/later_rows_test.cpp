// Rows of the node that a later version wrote, with fields behind what this version knows.

#include "storage/kept_since.hpp"
#include "storage/layout.hpp"
#include "storage/memory_store.hpp"
#include "storage/tally_rows.hpp"
#include "storage/witnesses.hpp"
#include "wire/fields.hpp"

#include <gmock/gmock.h>

namespace starling::storage {
namespace {

using replication::session_id;
using replication::tally;
using testing::ElementsAre;

const auto ann = crdt::replica_id::from(1, 1);
const auto bob = crdt::replica_id::from(2, 2);

TEST(LaterRows, AreReadWithoutTheirFields) {
  memory_store rows;
  batch known;
  put_kept_since(known, {300});
  put_former_ids(known, {{ann, 3}});
  put_witnesses(known, {{300}, {7}});
  put_own_changes(known, 8);
  put_tally(known, {bob, 4});
  ASSERT_FALSE(rows.commit({known}, true));
  batch later;
  ASSERT_FALSE(rows.now()->scan("", "\xff", [&](std::string_view name, std::string_view row) {
    wire::writer out;
    out.raw(row);
    wire::put_field(out, 5, "what nobody knew");
    wire::end_fields(out);
    later.put(std::string{name}, out.view());
    return true;
  }));
  ASSERT_FALSE(rows.commit({later}, true));

  const auto at = rows.now();
  EXPECT_EQ(*adopt_kept_since(rows, {1}), session_id{300});
  EXPECT_THAT(*read_former_ids(*at), ElementsAre(tally{ann, 3}));
  EXPECT_THAT(*read_witnesses(*at), ElementsAre(session_id{300}, session_id{7}));
  EXPECT_EQ(*read_own_changes(*at), 8u);
  EXPECT_THAT(*read_tallies(*at), ElementsAre(tally{bob, 4}));
}

} // namespace
} // namespace starling::storage
