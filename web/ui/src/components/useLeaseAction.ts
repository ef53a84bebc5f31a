import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";

/**
 * Something that a person does to a lease: what comes of it, the watch shows; what keeps it from being done,
 * a notification says in the server's words.
 */
export function useLeaseAction<Variables>(
  refusal: string,
  action: (variables: Variables) => Promise<unknown>,
) {
  return useMutation({
    mutationFn: action,
    onError: (error) =>
      notifications.show({ color: "red", title: refusal, message: error.message, autoClose: 10_000 }),
  });
}
