#include "node/node_report.hpp"

namespace starling::node {

std::optional<unreadiness> why_not_ready(const outcome<node_report>& answered) {
  using enum unreadiness::cause;
  const auto* report = std::get_if<node_report>(&answered);
  if (!report)
    return unreadiness{silent};
  if (report->refuses_writes)
    return unreadiness{leaving};
  const auto& disk = report->storage;
  if (disk.failure)
    return unreadiness{disk.failure->kind == storage::trouble::full ? disk_full
                                                                    : disk_takes_no_writes,
                       disk.failure->what};
  if (disk.damage)
    return unreadiness{disk_damaged, *disk.damage};
  if (disk.unreadable)
    return unreadiness{disk_unreadable, *disk.unreadable};
  if (disk.is_mending)
    return unreadiness{being_mended};
  return std::nullopt;
}

} // namespace starling::node
