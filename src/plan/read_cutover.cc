#include <fmt/format.h>

#include <algorithm>

#include "plan/sections.h"

namespace rehome {
namespace {

/// A map of text to text, in order.
std::vector<std::pair<std::string, std::string>> ReadTextMap(PlanReader& reader,
                                                             const PlanNode& node,
                                                             std::string_view what) {
  std::vector<std::pair<std::string, std::string>> out;
  if (reader.Is(node, what, PlanNode::Kind::kMap)) {
    for (const PlanNode::Entry& entry : node.map) {
      if (std::optional<std::string> text = reader.Text(entry.node, entry.key)) {
        out.emplace_back(entry.key, *std::move(text));
      }
    }
  }
  return out;
}

bool IsEnvKey(std::string_view key) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !key.empty() && (key[0] < '0' || key[0] > '9') && std::ranges::all_of(key, is_word);
}

CutoverPlan::EnvFile ReadEnvFile(PlanReader& reader, const PlanNode& node) {
  CutoverPlan::EnvFile file;
  MapReader map(reader, node, keys::kEnvFile);
  std::string path;
  map.Text("path", path);
  file.path = path;
  const PlanNode* set = map.Find("set");
  if (set == nullptr) {
    return file;
  }
  file.set = ReadTextMap(reader, *set, "set");
  if (set->IsMap() && set->map.empty()) {
    reader.ProblemAt(*set, "set", "sets nothing");
  }
  for (const PlanNode::Entry& entry : set->map) {
    if (!IsEnvKey(entry.key)) {
      reader.Problem(entry.mark, fmt::format("`{}` is no variable's name", entry.key));
    } else if (std::ranges::any_of(entry.node.text,
                                   [](char c) { return c == '\n' || c == '\r'; })) {
      reader.ProblemAt(entry.node, entry.key, "must be one line");
    }
  }
  return file;
}

CutoverPlan::PointerDocument ReadPointerDocument(PlanReader& reader, const PlanNode& node) {
  CutoverPlan::PointerDocument pointer;
  MapReader map(reader, node, keys::kPointerDocument);
  map.Collection("collection", pointer.collection);
  if (const PlanNode* id = map.Find("id")) {
    pointer.id = reader.Value(*id, "id").value_or(Value());
  }
  const PlanNode* set = map.Find("set");
  if (set == nullptr || !reader.Is(*set, "set", PlanNode::Kind::kMap)) {
    return pointer;
  }
  for (const PlanNode::Entry& field : set->map) {
    if (field.key.empty() || field.key == "_id" || field.key.starts_with('$') ||
        field.key.find('.') != std::string::npos) {
      reader.Problem(field.mark,
                     fmt::format("`{}` cannot be set: a top-level field, not _id", field.key));
    } else if (const std::optional<Value> value = reader.Value(field.node, field.key)) {
      pointer.set.emplace_back(field.key, *value);
    }
  }
  if (set->map.empty()) {
    reader.ProblemAt(*set, "set", "sets nothing");
  }
  return pointer;
}

std::vector<std::vector<std::string>> ReadCommands(PlanReader& reader, const PlanNode& node,
                                                   std::string_view what) {
  std::vector<std::vector<std::string>> commands;
  if (!reader.Is(node, what, PlanNode::Kind::kList)) {
    return commands;
  }
  for (const PlanNode& element : node.list) {
    if (!element.IsList() || element.list.empty()) {
      reader.ProblemAt(
          element, what,
          "holds commands, each a list of the program and its arguments: [[systemctl, stop, app]]");
    } else {
      commands.push_back(reader.Texts(element, what));
    }
  }
  return commands;
}

CutoverPlan::Hooks ReadHooks(PlanReader& reader, const PlanNode& node) {
  CutoverPlan::Hooks hooks;
  const MapReader map(reader, node, keys::kHooks);
  const auto read = [&](std::string_view key, std::vector<std::vector<std::string>>& out) {
    if (const PlanNode* commands = map.Find(key)) {
      out = ReadCommands(reader, *commands, key);
    }
  };
  read("fence", hooks.fence);
  read("unfence", hooks.unfence);
  read("before", hooks.before);
  read("after", hooks.after);
  if (hooks.fence.empty() != hooks.unfence.empty()) {
    reader.ProblemAt(node, "hooks", "needs fence and unfence together, or neither");
  }
  return hooks;
}

CutoverPlan::Fence FenceOf(std::string_view name) {
  return name == "required" ? CutoverPlan::Fence::kRequired
         : name == "none"   ? CutoverPlan::Fence::kNone
                            : CutoverPlan::Fence::kAuto;
}

}  // namespace

void ReadCutover(PlanReader& reader, const PlanNode& node, CutoverPlan& cutover) {
  MapReader map(reader, node, keys::kCutover);
  if (const PlanNode* env_file = map.Find("env_file")) {
    cutover.env_file = ReadEnvFile(reader, *env_file);
  }
  const PlanNode* documents = map.Find("documents");
  if (documents != nullptr && reader.Is(*documents, "documents", PlanNode::Kind::kList)) {
    for (const PlanNode& element : documents->list) {
      cutover.documents.push_back(ReadPointerDocument(reader, element));
    }
  }
  if (const PlanNode* aliases = map.Find("namespace_alias")) {
    cutover.namespace_alias = ReadTextMap(reader, *aliases, "namespace_alias");
  }
  std::string fence = "auto";
  map.Choice("fence", {"auto", "required", "none"}, fence);
  cutover.fence = FenceOf(fence);
  map.Duration("write_pause_max", cutover.write_pause_max);
  map.Duration("quiet", cutover.quiet);
  if (const PlanNode* hooks = map.Find("hooks")) {
    cutover.hooks = ReadHooks(reader, *hooks);
  }
}

void ReadRetire(PlanReader& reader, const PlanNode& node, RetirePlan& retire) {
  MapReader map(reader, node, keys::kRetire);
  map.Duration("after", retire.after);
  map.Collections("collections", retire.collections);
  map.LegacyNamespaces("namespaces", retire.namespaces);
}

void ReadApplication(PlanReader& reader, const PlanNode& node,
                     std::optional<MaintenancePlan>& maintenance) {
  const MapReader application(reader, node, keys::kApplication);
  const PlanNode* found = application.Find("maintenance");
  if (found == nullptr) {
    return;
  }
  MapReader map(reader, *found, keys::kMaintenance);
  std::string file;
  map.Text("file", file);
  maintenance.emplace().file = file;
  map.Text("url", maintenance->url);
  map.Texts("command", maintenance->command);
  if (found->IsMap() && found->map.size() != 1) {
    reader.ProblemAt(*found, "maintenance", "is exactly one of file, url, command");
  }
}

}  // namespace rehome
