"""The rules of people: who an id stands for, what is known of them, how two become one."""
