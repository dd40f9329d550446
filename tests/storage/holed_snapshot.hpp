#pragma once

#include "storage/memory_store.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace starling::storage {

/// Rows of which some stretches cannot be read, as blocks of a file: a scan that comes to one
/// fails there.
class holed_snapshot : public snapshot {
public:
  struct hole {
    std::string first;
    std::string end;
  };

  /// What is said of those.
  static constexpr const char* met = "a hole";

  explicit holed_snapshot(memory_store::rows rows) : rows_(std::move(rows)) {}

  void add(hole h, trouble kind = trouble::corrupted) { holes_.emplace_back(std::move(h), kind); }

  bool has_hole_in(const std::string& first, const std::string& end) const {
    return std::ranges::any_of(
        holes_, [&](const auto& h) { return h.first.first < end && first < h.first.end; });
  }

  wire::result<std::optional<std::string>, failure> find(std::string_view name) const override {
    for (const auto& [where, kind] : holes_)
      if (where.first <= name && name < where.end)
        return failure{kind, met};
    const auto found = rows_.find(name);
    return found == rows_.end() ? std::nullopt : std::optional{found->second};
  }

  wire::possible<failure> scan(std::string_view first, std::string_view end,
                               const visitor& see) const override {
    std::string from{first};
    for (auto at = rows_.lower_bound(first);; ++at) {
      const auto to = at == rows_.end() ? std::string{end} : std::min(std::string{end}, at->first);
      for (const auto& [where, kind] : holes_)
        if (where.first <= to && from < where.end && where.first < end && from < end)
          return failure{kind, met};
      if (at == rows_.end() || at->first >= end || !see(at->first, at->second))
        return std::nullopt;
      from = at->first + '\0';
    }
  }

private:
  memory_store::rows rows_;
  std::vector<std::pair<hole, trouble>> holes_;
};

} // namespace starling::storage
