// SPDX-License-Identifier: Apache-2.0

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigValidationResults;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorStatus;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorsWithExpandedMetadata;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.InvalidRequestException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ResourceNotFoundException;

/**
 * The whole life of a source and a sink through SourceLab's client: ConnectorLife URL DIRECTORY TOPIC. Lines go from in.txt
 * through the topic to out.txt. Ends with 0 when every answer was what the client's users expect.
 */
public final class ConnectorLife {
    private static final String SOURCE = "java-source";
    private static final String SINK = "java-sink";

    private final KafkaConnectClient client;
    private final Path in;
    private final Path out;
    private final String topic;
    private final List<String> lines = new ArrayList<>();

    private ConnectorLife(String url, Path directory, String topic) {
        this.client = new KafkaConnectClient(new Configuration(url));
        this.in = directory.resolve("in.txt");
        this.out = directory.resolve("out.txt");
        this.topic = topic;
    }

    private static void check(boolean condition, String what, Object seen) {
        if (!condition) {
            throw new AssertionError(what + ": " + seen);
        }
    }

    private static <T> void equal(T seen, T wanted, String what) {
        check(wanted.equals(seen), what + " is to be " + wanted, seen);
    }

    private static void until(Supplier<Boolean> condition, String what, Supplier<Object> seen) throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!condition.get()) {
            check(System.nanoTime() < deadline, what + " within 20 s", seen.get());
            Thread.sleep(20);
        }
    }

    private Object states(String name) {
        ConnectorStatus status = client.getConnectorStatus(name);
        return status.getConnector().get("state") + " "
            + status.getTasks().stream().map(t -> t.getState()).collect(Collectors.toList());
    }

    private void waitFor(String name, String states) throws Exception {
        until(() -> states.equals(states(name)), name + " is " + states, () -> states(name));
    }

    private void write(String... more) throws Exception {
        lines.addAll(Arrays.asList(more));
        Files.write(in, Arrays.asList(more), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private Object written() {
        try {
            return Files.exists(out) ? Files.readAllLines(out) : List.of();
        } catch (java.io.IOException e) {
            return e;
        }
    }

    private void arrived() throws Exception {
        until(() -> lines.equals(written()), "out.txt has " + lines, this::written);
    }

    private Map<String, String> sourceConfig() {
        return Map.of("connector.class", "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max", "1",
            "file", in.toString(), "topic", topic);
    }

    private void plugins() {
        check(client.getConnectServerVersion().getVersion().matches("\\d+\\.\\d+\\..*"), "version",
            client.getConnectServerVersion());
        check(client.getConnectorPlugins().stream().anyMatch(
            p -> p.getClassName().endsWith("FileStreamSourceConnector") && p.getType().equals("source")),
            "plugins", client.getConnectorPlugins());
        ConnectorPluginConfigValidationResults results = client.validateConnectorPluginConfig(
            ConnectorPluginConfigDefinition.newBuilder().withName("FileStreamSourceConnector")
                .withConfig(Map.of("connector.class", "FileStreamSourceConnector", "name", "x", "tasks.max", "none"))
                .build());
        check(results.getErrorCount() > 0, "errors of a wrong configuration", results);
        check(results.getConfigs().stream().anyMatch(
            c -> c.getDefinition().getName().equals("topic") && c.getDefinition().isRequired()
                && !c.getValue().getErrors().isEmpty()),
            "error of topic", results);
    }

    private void create() throws Exception {
        write("one", "two");
        ConnectorDefinition made = client.addConnector(
            NewConnectorDefinition.newBuilder().withName(SOURCE).withConfig(sourceConfig()).build());
        equal(made.getName(), SOURCE, "name");
        equal(made.getType(), "source", "type");
        equal(made.getConfig().get("topic"), topic, "topic");
        made = client.addConnector(NewConnectorDefinition.newBuilder().withName(SINK)
            .withConfig("connector.class", "FileStreamSink").withConfig("topics", topic)
            .withConfig("tasks.max", 1).withConfig("file", out.toString()).build());
        equal(made.getType(), "sink", "type");
        waitFor(SOURCE, "RUNNING [RUNNING]");
        waitFor(SINK, "RUNNING [RUNNING]");
        arrived();
    }

    private void refused() {
        try {
            client.addConnector(NewConnectorDefinition.newBuilder().withName("java-wrong")
                .withConfig("connector.class", "org.example.Nothing").build());
        } catch (InvalidRequestException e) {
            equal(e.getErrorCode(), 400, "code");
            return;
        }
        throw new AssertionError("an unknown class was taken");
    }

    private void look() throws Exception {
        check(client.getConnectors().containsAll(List.of(SOURCE, SINK)), "list", client.getConnectors());
        ConnectorsWithExpandedMetadata all = client.getConnectorsWithAllExpandedMetadata();
        equal(all.getDefinitionForConnector(SINK).getType(), "sink", "expanded type");
        equal(all.getStatusForConnector(SOURCE).getConnector().get("state"), "RUNNING", "expanded state");
        check(client.getConnectorsWithExpandedStatus().getMappedStatuses().containsKey(SOURCE), "expanded status", all);
        check(client.getConnectorsWithExpandedInfo().getMappedDefinitions().containsKey(SINK), "expanded info", all);
        equal(client.getConnector(SOURCE).getTasks().size(), 1, "tasks");
        equal(client.getConnectorConfig(SOURCE).get("name"), SOURCE, "name in the configuration");
        equal(client.getConnectorTasks(SINK).iterator().next().getId().getConnector(), SINK, "connector of a task");
        equal(client.getConnectorTaskStatus(SINK, 0).getState(), "RUNNING", "state of a task");
        until(() -> List.of(topic).equals(client.getConnectorTopics(SINK).getTopics()), "topics",
            () -> client.getConnectorTopics(SINK).getTopics());
        check(client.resetConnectorTopics(SINK), "reset of topics", false);
    }

    private void pauseAndResume() throws Exception {
        check(client.pauseConnector(SOURCE), "pause", false);
        waitFor(SOURCE, "PAUSED [PAUSED]");
        write("three");
        check(client.resumeConnector(SOURCE), "resume", false);
        waitFor(SOURCE, "RUNNING [RUNNING]");
        arrived();
    }

    private void restart() throws Exception {
        check(client.restartConnector(SOURCE), "restart", false);
        check(client.restartConnector(new PostConnectorRestart(SINK).withIncludeTasks(true)), "with tasks", false);
        waitFor(SINK, "RUNNING [RUNNING]");
        check(client.restartConnectorTask(SINK, 0), "restart of a task", false);
        waitFor(SINK, "RUNNING [RUNNING]");
        waitFor(SOURCE, "RUNNING [RUNNING]");
        write("four");
        arrived();
    }

    private void change() throws Exception {
        Map<String, String> config = new HashMap<>(client.getConnectorConfig(SOURCE));
        config.put("batch.size", "10");
        equal(client.updateConnectorConfig(SOURCE, config).getConfig().get("batch.size"), "10", "changed key");
        check(client.stopConnector(SOURCE), "stop", false);
        waitFor(SOURCE, "STOPPED []");
        write("five");
        check(client.resumeConnector(SOURCE), "resume", false);
        waitFor(SOURCE, "RUNNING [RUNNING]");
        arrived();
    }

    private void delete() {
        check(client.deleteConnector(SOURCE), "delete", false);
        check(client.deleteConnector(SINK), "delete", false);
        try {
            client.getConnectorStatus(SOURCE);
        } catch (ResourceNotFoundException e) {
            equal(e.getErrorCode(), 404, "code");
            return;
        }
        throw new AssertionError("a deleted connector has a status");
    }

    public static void main(String[] args) throws Exception {
        ConnectorLife life = new ConnectorLife(args[0], Path.of(args[1]), args[2]);
        life.plugins();
        life.refused();
        life.create();
        life.look();
        life.pauseAndResume();
        life.restart();
        life.change();
        life.delete();
        System.out.println(life.lines.size() + " lines");
        System.exit(0); // the client's connections outlive it
    }
}
