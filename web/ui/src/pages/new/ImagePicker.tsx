import { Radio, Text, TextInput } from "@mantine/core";
import type { LeaseClass } from "@/api/types";
import { other, type Values } from "./form";
import classes from "./ImagePicker.module.css";

interface Props {
  images: LeaseClass["spec"]["images"];
  image: string;
  reference: string;
  error: string | undefined;
  onChange: (change: Partial<Values>) => void;
}

/** The images of the catalog as cards, and any other that the class allows by its reference. */
export function ImagePicker({ images, image, reference, error, onChange }: Props) {
  const allowed = images.allow ?? [];
  return (
    <div>
      <Radio.Group
        label="Image"
        value={image}
        onChange={(chosen) => onChange({ image: chosen })}
        error={image === other ? undefined : error}
      >
        <div className={classes.cards}>
          {(images.catalog ?? []).map(({ name, reference, description }) => (
            <Radio.Card key={name} value={name} className={classes.card ?? ""} aria-label={name}>
              <Radio.Indicator />
              <div className={classes.text}>
                <Text size="sm" fw={600} truncate>
                  {name}
                </Text>
                <Text size="xs" c="dimmed" truncate title={reference}>
                  {description || reference}
                </Text>
              </div>
            </Radio.Card>
          ))}
          {allowed.length > 0 && (
            <Radio.Card value={other} className={classes.card ?? ""} aria-label="Another image">
              <Radio.Indicator />
              <div className={classes.text}>
                <Text size="sm" fw={600}>
                  Another image
                </Text>
                <Text size="xs" c="dimmed" truncate>
                  by its reference
                </Text>
              </div>
            </Radio.Card>
          )}
        </div>
      </Radio.Group>
      {image === other && (
        <TextInput
          mt="sm"
          label="Image reference"
          description={allowed.length > 0 ? `Allowed: ${allowed.join(", ")}` : undefined}
          placeholder="registry.example.com/team/image:tag"
          value={reference}
          onChange={(event) => onChange({ reference: event.currentTarget.value })}
          error={error}
          autoComplete="off"
          spellCheck={false}
        />
      )}
    </div>
  );
}
